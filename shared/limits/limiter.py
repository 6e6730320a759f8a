"""Asks whether one more is within the limits: all processes together, or this one alone while Redis is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from shared.clock import Clock
from shared.limits.bucket import Bucket, Refusal
from shared.limits.local_buckets import LocalBuckets
from shared.limits.shared_buckets import SharedBuckets
from shared.messaging.shared_values import AWAY
from shared.observability import metrics
from shared.observability.logs import get_logger

log = get_logger(__name__)

REDIS_WITHIN_S: Final = 0.1
"""A caller waits meanwhile, and a limit is worth no longer wait."""
AWAY_FOR_S: Final = 1.0
"""How long Redis is not asked after it did not answer."""


class Limiter:
    """One per process."""

    def __init__(self, shared: SharedBuckets, clock: Clock) -> None:
        self.redis_within_s = REDIS_WITHIN_S
        """How long a request waits for Redis."""
        self._shared = shared
        self._clock = clock
        self._here = LocalBuckets(clock)
        self._is_away = False
        self._ask_again_at = 0.0

    async def ask(self, buckets: Sequence[Bucket], once: str | None = None) -> Refusal | None:
        """Take one token from each bucket, or say which is empty; never raises.

        Asked again under the same `once` it answers the same and takes no second token.
        """
        refusal = await self._ask(buckets, once)
        if refusal is not None:
            metrics.limited_total.labels(kind=refusal.kind.value).inc()
        return refusal

    async def _ask(self, buckets: Sequence[Bucket], once: str | None) -> Refusal | None:
        if self._clock.monotonic() < self._ask_again_at:
            return self._here.draw(buckets, once)
        try:
            async with asyncio.timeout(self.redis_within_s):
                refusal = await self._shared.draw(buckets, once)
        except AWAY as error:
            if not self._is_away:
                log.warning("limits_not_shared", error=type(error).__name__)
            self._is_away = True
            self._ask_again_at = self._clock.monotonic() + AWAY_FOR_S
            return self._here.draw(buckets, once)
        self._is_away = False
        return refusal
