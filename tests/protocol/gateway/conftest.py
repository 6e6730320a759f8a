"""A gateway on real stores for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.emptied_database import database_url, one_database
from tests.gateway_house import House, gateway, settings_for


@pytest.fixture
async def house(database_url: str, redis_url: str) -> AsyncIterator[House]:
    async with gateway(settings_for(database_url, redis_url)) as running:
        yield running


__all__ = ["database_url", "house", "one_database"]
