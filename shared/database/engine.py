"""Engines: one per process, made after any fork, disposed at its end."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, sessionmaker

from shared.settings import DatabaseSettings

POOL_WAIT_S = 3
"""A full pool is an error after this long: overload must be seen, not queued."""
RECYCLE_S = 1800
"""Connections are replaced at this age, below the idle limits of common load balancers."""


def database_address(settings: DatabaseSettings) -> URL:
    """The configured address with the psycopg 3 driver named, whatever driver the operator wrote."""
    return make_url(settings.database_url.get_secret_value()).set(drivername="postgresql+psycopg")


def _options(settings: DatabaseSettings, program: str) -> dict[str, Any]:
    limits = f"-c statement_timeout={settings.database_statement_ms} -c idle_in_transaction_session_timeout=15000"
    return {
        "pool_pre_ping": True,
        "pool_size": settings.database_pool_size,
        "max_overflow": 0,
        "pool_timeout": POOL_WAIT_S,
        "pool_recycle": RECYCLE_S,
        "hide_parameters": True,
        "connect_args": {
            "application_name": f"callwright-{program}",
            "connect_timeout": 5,
            "options": limits,
            "prepare_threshold": None if settings.database_behind_pgbouncer else 5,
        },
    }


def make_async_engine(settings: DatabaseSettings, program: str) -> AsyncEngine:
    """An engine for a web process. It belongs to one event loop."""
    return create_async_engine(database_address(settings), **_options(settings, program))


def make_engine(settings: DatabaseSettings, program: str) -> Engine:
    """An engine for a worker process. It must not cross a fork."""
    return create_engine(database_address(settings), **_options(settings, program))


AsyncSessions = async_sessionmaker[AsyncSession]
"""`async with sessions.begin() as session:` is one transaction, committed at the end of the block."""
Sessions = sessionmaker[Session]
"""`with sessions.begin() as session:` is one transaction, committed at the end of the block."""


def async_sessions(engine: AsyncEngine) -> AsyncSessions:
    """Sessions whose objects stay readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


def sync_sessions(engine: Engine) -> Sessions:
    """Sessions whose objects stay readable after the commit."""
    return sessionmaker(engine, expire_on_commit=False)
