"""Transactions in which an outage of the database is named as one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncSession

from shared.database.engine import AsyncSessions
from shared.errors import Transient


class DatabaseAway(Transient):
    """The database cannot be reached, has no connection left, or takes too long."""


@asynccontextmanager
async def transaction(sessions: AsyncSessions) -> AsyncIterator[AsyncSession]:
    """One transaction, committed at the end of the block. Raises DatabaseAway."""
    try:
        async with sessions.begin() as session:
            yield session
    except (OperationalError, InterfaceError, PoolExhausted) as error:
        raise DatabaseAway(f"the database does not answer ({type(error).__name__})") from error
