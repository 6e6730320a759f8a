"""Kayako's limits: per minute, for single actions of single resources, not published, met only by hitting them."""

from __future__ import annotations

import math
from collections import defaultdict, deque

from lab.kayako.refusals import rate_limited
from shared.clock import Clock

WINDOW_S = 60.0


class Throttle:
    """Counts requests per verb and resource family."""

    def __init__(self, clock: Clock, per_minute: int | None) -> None:
        """`per_minute` None sets no limit."""
        self.per_minute = per_minute
        self._clock = clock
        self._times: dict[tuple[str, str], deque[float]] = defaultdict(deque)

    def admit(self, method: str, path: str) -> None:
        """Count a request. Raises RATE_LIMIT_REACHED with the seconds after which the next one is admitted."""
        if self.per_minute is None:
            return
        now = self._clock.monotonic()
        times = self._times[method, path.split("/")[1]]
        while times and times[0] <= now - WINDOW_S:
            times.popleft()
        if len(times) >= self.per_minute:
            raise rate_limited(max(1, math.ceil(times[0] + WINDOW_S - now)))
        times.append(now)
