"""Tells the gateways how many more calls this process can take: every second, and at once when that changes."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from redis.exceptions import RedisError

from services.voice.capacity.free_slots import Load, offer
from shared.admission.slots import NOTHING, Slots
from shared.observability import metrics
from shared.observability.logs import get_logger

log = get_logger(__name__)

RENEW_S: Final = 1.0
REDIS_WITHIN_S: Final = 0.5
GATHER_S: Final = 0.02
"""Several calls that arrive or end together are told in one go."""
MOST_TAKEN: Final = 500
"""Calls whose arrival waits to be told while Redis is away; their reservations end by themselves."""


class SlotPublisher:
    """One per process."""

    def __init__(self, slots: Slots, most: int) -> None:
        self.most = most
        """Calls this process takes at once."""
        self._slots = slots
        self._process = secrets.token_hex(8)
        self._taken: list[str] = []
        self._news = asyncio.Event()
        self._told = True
        metrics.slots_limit.set(most)

    def changed(self, taken: str | None = None) -> None:
        """Something came or went; `taken` is the reservation of a call that has arrived. Never waits."""
        if taken is not None and len(self._taken) < MOST_TAKEN:
            self._taken.append(taken)
        self._news.set()

    async def run(self, load: Callable[[], Load]) -> None:
        """Publish until cancelled."""
        while True:
            self._news.clear()
            await self._publish(load())
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEW_S):
                    await self._news.wait()
                await asyncio.sleep(GATHER_S)

    async def _publish(self, load: Load) -> None:
        offered = offer(self.most, load)
        metrics.slots_free.set(offered.free)
        taken, self._taken = self._taken, []
        try:
            async with asyncio.timeout(REDIS_WITHIN_S):
                await self._slots.publish(self._process, offered, taken)
        except (RedisError, TimeoutError) as error:
            self._taken = (taken + self._taken)[:MOST_TAKEN]
            if self._told:
                log.warning("slots_not_published", error=type(error).__name__)
            self._told = False
        else:
            self._told = True

    async def leave(self) -> None:
        """This process takes no calls any more. A Redis that is away forgets it within seconds anyway."""
        with suppress(RedisError, TimeoutError):
            async with asyncio.timeout(REDIS_WITHIN_S):
                await self._slots.publish(self._process, NOTHING, for_s=0)
