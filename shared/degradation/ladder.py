"""The level a process lives on: what a person has set, and otherwise what follows from health. Read from memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from shared.clock import Clock
from shared.degradation.levels import Health, Level, Standing, step
from shared.degradation.override import Override, Overrides
from shared.messaging.shared_values import AWAY, heed_cancellation
from shared.observability import metrics
from shared.observability.logs import get_logger

log = get_logger(__name__)

LOOK_EVERY_S: Final = 0.5
REDIS_WITHIN_S: Final = 1.0
WEIGHT: Final = 0.2
"""Of a new first token in the running mean."""
REMEMBERED_S: Final = 30.0
"""A model that was slow is asked again after so long without a figure of it."""


class Ladder:
    """One per process."""

    def __init__(self, overrides: Overrides, health: Callable[[], Health], clock: Clock) -> None:
        """`health` is what is known of providers; how fast the model is, is told here."""
        self._overrides = overrides
        self._health = health
        self._clock = clock
        self._standing = Standing()
        self._override: Override | None = None
        self._override_until = 0.0
        self._first_token_s: float | None = None
        self._first_token_at = 0.0
        self._shown: Level | None = None

    @property
    def level(self) -> Level:
        """The present level."""
        return self.override.level if self.override is not None else self._standing.level

    @property
    def override(self) -> Override | None:
        """What a person has set; while Redis is away, what was known last, to its end."""
        return self._override if self._clock.monotonic() < self._override_until else None

    def first_token(self, after_s: float) -> None:
        """The full model took so long to its first token."""
        before = self._first_token_s if self._first_token_s is not None else after_s
        self._first_token_s = before + WEIGHT * (after_s - before)
        self._first_token_at = self._clock.monotonic()

    async def run(self) -> None:
        """Look twice a second, until cancelled."""
        try:
            while True:
                await self._read()
                self.look()
                heed_cancellation()
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            await self._overrides.close()

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(REDIS_WITHIN_S):
                found = await self._overrides.read()
        except AWAY:
            return  # the last one known holds to its end
        self._override = found[0] if found is not None else None
        self._override_until = self._clock.monotonic() + (found[1] if found is not None else 0.0)

    def look(self) -> None:
        """Go by what is known now."""
        now = self._clock.monotonic()
        if now - self._first_token_at > REMEMBERED_S:
            self._first_token_s = None
        health = replace(self._health(), first_token_s=self._first_token_s)
        self._standing = step(self._standing, health, now)
        if self.level is not self._shown:
            self._shown = self.level
            metrics.degradation_level.set(self.level)
            kind = "override" if self.override is not None else "health"
            log.warning("degradation_level", level=int(self.level), kind=kind)
