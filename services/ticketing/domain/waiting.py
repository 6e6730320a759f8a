"""When to look for a case whose create call was not answered, and when a second one may be made.

A help desk's lists and search lag behind its writes, so one empty look-up proves nothing. Look-ups come 2, 5, 15 and
45 s apart; after the quiet time of the settings, counted from the call's beginning, a second call may be made.
"""

from __future__ import annotations

from itertools import accumulate

LOOK_UPS_S = tuple(accumulate((2.0, 5.0, 15.0, 45.0)))
"""2, 7, 22 and 67 s after the call began."""


def may_create_again(unanswered_s: float, quiet_s: float) -> bool:
    """Whether so much time has passed that a call which was not answered can no longer bring a case to light."""
    return unanswered_s >= quiet_s


def next_look_up(unanswered_s: float, quiet_s: float) -> float:
    """Seconds until the next look-up, `unanswered_s` after the call began."""
    later = [moment for moment in LOOK_UPS_S if unanswered_s < moment < quiet_s]
    return max(0.1, min([*later, quiet_s]) - unanswered_s)
