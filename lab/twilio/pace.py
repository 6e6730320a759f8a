"""Call time: the wall clock, or a multiple of it."""

from __future__ import annotations

import asyncio

from shared.clock import Clock, SystemClock


class Pace:
    """Seconds since a call was placed, running `speed` times as fast as the clock."""

    def __init__(self, speed: float = 1.0, clock: Clock | None = None) -> None:
        self._speed = speed
        self._clock = clock or SystemClock()
        self._began = self._clock.monotonic()

    def now(self) -> float:
        """Call seconds since the pace began."""
        return (self._clock.monotonic() - self._began) * self._speed

    async def sleep(self, seconds: float) -> None:
        """Wait so many call seconds."""
        await asyncio.sleep(max(0.0, seconds) / self._speed)

    async def until(self, moment: float) -> float:
        """Wait for a moment of call time. Returns how many call seconds later than that it is."""
        await self.sleep(moment - self.now())
        return max(0.0, self.now() - moment)
