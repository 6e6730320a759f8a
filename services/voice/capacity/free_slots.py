"""How many more calls a process may be sent. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.admission.slots import NOTHING, Offer
from shared.observability.loop_lag import TOO_LATE_S

LATE_S: Final = 0.03
"""A loop that is late by this much delays audio noticeably: no more than half of what is left."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a process carries at a moment."""

    engaged: int
    """Calls, and sockets that have not said yet which call they carry."""
    lag_s: float
    """How late the event loop usually is."""
    draining: bool


def offer(most: int, load: Load) -> Offer:
    """Calls that may still come, of `most` in all.

    A loop that is late without any call is late for other reasons, which more calls do not make worse. A lost call is
    taken however late the loop is: its caller hears silence meanwhile.
    """
    room = max(0, most - load.engaged)
    if load.draining:
        return NOTHING
    if not load.engaged or load.lag_s < LATE_S:
        return Offer(room, room)
    return Offer(0 if load.lag_s >= TOO_LATE_S else room // 2, room)
