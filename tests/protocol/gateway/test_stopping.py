"""A gateway ends when it is told to, whatever it is doing at that moment."""

from __future__ import annotations

import asyncio

from tests.gateway_house import gateway, settings_for


async def test_a_gateway_that_has_just_begun_to_ask_redis_stops(database_url: str, redis_url: str) -> None:
    """Within its first milliseconds it connects; the client used to swallow that it was told to stop."""
    for moment in range(8):
        async with asyncio.timeout(10), gateway(settings_for(database_url, redis_url)):
            await asyncio.sleep(0.002 * moment)
