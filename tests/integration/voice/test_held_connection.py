"""The connection that is kept between statements which come quickly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from pydantic import SecretStr
from sqlalchemy import QueuePool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.voice.record.held_connection import HeldConnection
from shared.database.engine import async_sessions, make_async_engine
from shared.settings import DatabaseSettings
from tests.waiting import wait_for_async

SETTING = text("SELECT set_config('application_name', :name, false)")
SAME = text("SELECT 1 / (current_setting('application_name') = :name)::int")
"""Fails over another connection."""
BACKEND = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :name")


@asynccontextmanager
async def held(database_url: str) -> AsyncIterator[tuple[HeldConnection, AsyncEngine]]:
    engine = make_async_engine(DatabaseSettings(database_url=SecretStr(database_url)), "held")
    connection = HeldConnection(async_sessions(engine))
    try:
        yield connection, engine
    finally:
        await connection.close()
        await engine.dispose()


def taken(engine: AsyncEngine) -> int:
    """Connections that are not in the pool."""
    return cast(QueuePool, engine.pool).checkedout()


async def test_it_is_kept_for_the_next_statement_and_given_back_soon(database_url: str) -> None:
    async with held(database_url) as (connection, engine):
        await connection.execute(SETTING, {"name": "one-of-mine"})
        assert taken(engine) == 1
        await connection.execute(SAME, {"name": "one-of-mine"})
        assert taken(engine) == 1

        async def is_back() -> bool:
            return taken(engine) == 0

        await wait_for_async(is_back, 5, "the connection is given back")


async def test_what_came_late_is_given_back_at_once(database_url: str) -> None:
    async with held(database_url) as (connection, engine):
        slow, quick = text("SELECT pg_sleep(0.2)"), text("SELECT 1")
        await asyncio.gather(connection.execute(slow, {}), connection.execute(quick, {}))
        assert taken(engine) == 1


async def test_one_that_broke_is_not_used_again(database_url: str) -> None:
    async with held(database_url) as (connection, engine):
        await connection.execute(SETTING, {"name": "to-be-ended"})
        async with engine.connect() as other:
            await other.execute(BACKEND, {"name": "to-be-ended"})
        with pytest.raises(DBAPIError):
            await connection.execute(text("SELECT 1"), {})
        assert taken(engine) == 0
        await connection.execute(text("SELECT 1"), {})


async def test_closed_it_holds_nothing(database_url: str) -> None:
    async with held(database_url) as (connection, engine):
        await connection.execute(text("SELECT 1"), {})
        await connection.close()
        assert taken(engine) == 0
