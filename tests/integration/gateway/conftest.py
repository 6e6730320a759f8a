"""A gateway on real stores, with the other rooms beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.emptied_database import database_url, one_database
from tests.gateway_house import House, gateway, settings_for
from tests.gateway_rooms import Rooms, other_rooms


@pytest.fixture
async def rooms() -> AsyncIterator[Rooms]:
    async with other_rooms() as running:
        yield running


@pytest.fixture
async def house(database_url: str, redis_url: str, rooms: Rooms) -> AsyncIterator[House]:
    settings = settings_for(
        database_url,
        redis_url,
        knowledge_url=rooms.knowledge_url,
        ticketing_url=rooms.ticketing_url,
        limit_requests_per_key_per_minute=100_000,  # generated requests are to reach their routes
    )
    async with gateway(settings) as running:
        yield running


__all__ = ["database_url", "house", "one_database", "rooms"]
