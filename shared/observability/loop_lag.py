"""How late the event loop is: what everybody's audio waits for when something takes too long."""

from __future__ import annotations

import asyncio
from collections import deque
from statistics import median
from typing import Final

from shared.clock import Clock
from shared.observability import metrics

LOOK_EVERY_S: Final = 0.1
LOOKS: Final = 30
"""Three seconds: one long garbage collection is no overload, half of all looks being late is."""
TOO_LATE_S: Final = 0.08
"""Four frames of a caller's sound: whatever more comes makes it worse for everybody who is there, and an answer that
passed through the loop a dozen times is a second late by nobody else's fault."""


class LoopLag:
    """Measures by sleeping: what a sleep takes longer than it should, everything took longer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: deque[float] = deque(maxlen=LOOKS)

    @property
    def usual_s(self) -> float:
        """The median of the last seconds."""
        return median(self._seen) if self._seen else 0.0

    @property
    def is_too_late(self) -> bool:
        """Whether this process is the one that is slow, whatever it waits for."""
        return self.usual_s >= TOO_LATE_S

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            since = self._clock.monotonic()
            await asyncio.sleep(LOOK_EVERY_S)
            late = max(0.0, self._clock.monotonic() - since - LOOK_EVERY_S)
            self._seen.append(late)
            metrics.loop_lag_seconds.observe(late)
