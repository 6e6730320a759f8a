"""How many sockets the voice room takes: refused before the upgrade, and only what Twilio has signed counts."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.voice_house import VoiceHouse, voice_house


async def status(house: VoiceHouse, **how: str) -> tuple[int, str | None]:
    """The status of the handshake and after how many seconds to come again."""
    try:
        async with house.socket(**how):
            return 101, None
    except InvalidStatus as refused:
        return refused.response.status_code, refused.response.headers.get("Retry-After")


@pytest.mark.parametrize("limit", ["limit_sockets_per_minute", "limit_sockets_per_process_per_minute"])
async def test_a_flood_of_handshakes_is_refused_before_the_upgrade(
    database_url: str, redis_url: str, limit: str
) -> None:
    limits: dict[str, Any] = {limit: 2}
    async with voice_house(database_url, redis_url, **limits) as house:
        for _ in range(3):
            assert await status(house, key="another account's token") == (403, None)
        assert [await status(house) for _ in range(2)] == [(101, None)] * 2
        code, retry_after = await status(house)
        assert code == 429
        assert 1 <= int(retry_after or 0) <= 30
