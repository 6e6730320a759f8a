"""How many more calls a process may be sent. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LATE_S: Final = 0.03
"""A loop that is late by this much delays audio noticeably: no more than half of what is left."""
TOO_LATE_S: Final = 0.08
"""Four frames of a caller's sound: whatever more comes makes it worse for everybody who is there."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a process carries at a moment."""

    engaged: int
    """Calls, and sockets that have not said yet which call they carry."""
    lag_s: float
    """How late the event loop usually is."""
    draining: bool


def free_slots(most: int, load: Load) -> int:
    """Calls that may still come, of `most` in all.

    A loop that is late without any call is late for other reasons, which more calls do not make worse.
    """
    left = max(0, most - load.engaged)
    if load.draining:
        return 0
    if not load.engaged or load.lag_s < LATE_S:
        return left
    return 0 if load.lag_s >= TOO_LATE_S else left // 2
