"""Asks for a slot before a call is connected; while nobody can be asked, the voice tier's own limit holds alone."""

from __future__ import annotations

import asyncio
from typing import Final

from redis.exceptions import RedisError

from shared.admission.slots import Slots, Standing, Verdict
from shared.observability import metrics
from shared.observability.logs import get_logger

log = get_logger(__name__)

ANSWER_WITHIN_S: Final = 1.0
"""A caller waits meanwhile, and so does the row of the call."""
LOOK_EVERY_S: Final = 1.0
RETURNING: Final = "returning"
"""Why a call that was lost is let in before others."""


class Admission:
    """One per gateway process. `run` it beside the webhooks: it knows by itself when Redis is away and back."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._away = False
        self.standing: Standing | None = None
        """How the voice tier stood at most a second ago; None when that is not known."""

    async def run(self) -> None:
        """Look every second, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    self._note(await self._slots.look())
            except (RedisError, TimeoutError) as error:
                self._lose(error)
            await asyncio.sleep(LOOK_EVERY_S)

    async def ask(self, call_sid: str, generation: int) -> Verdict:
        """Whether this generation of the call may connect; it has a slot then. Never raises.

        A later generation is a call that was lost: it comes before everybody who waits. While Redis is away, which is
        noticed within a second, every call is admitted, and one that no voice process takes comes back by itself.
        """
        returning = generation > 1
        verdict = Verdict.UNKNOWN
        if not self._away:
            try:
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    verdict, standing = await self._slots.reserve(call_sid, generation)
                self._note(standing)
            except (RedisError, TimeoutError) as error:
                self._lose(error)
        reason = RETURNING if returning and verdict is Verdict.ADMITTED else verdict.value
        admitted = verdict in (Verdict.ADMITTED, Verdict.UNKNOWN)
        metrics.admissions_total.labels(result="admitted" if admitted else "refused", reason=reason).inc()
        return verdict

    def _note(self, standing: Standing) -> None:
        self._away = False
        self.standing = standing
        metrics.callers_held.set(standing.waiting)

    def _lose(self, error: Exception) -> None:
        if not self._away:
            log.warning("slots_not_known", error=type(error).__name__)
        self._away = True
        self.standing = None
        metrics.callers_held.set(0)
