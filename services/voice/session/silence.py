"""How long we wait for a caller who says nothing, and how long a call may last. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shared.conversation.ports import Expectation

WARNING_S: Final = 300.0
"""How long before the longest call length the caller is told."""
SLOW_ANSWER: Final = 2.0
"""Patience is this many times longer while an e-mail address is expected: people look it up."""
ON_HOLD: Final = 5.0
"""The same after the caller asked for a moment."""
SOUND_S: Final = 1.5
"""A sound like speech may become words: silence is not over before this much later."""


@dataclass(frozen=True, slots=True)
class CallLimits:
    """In seconds."""

    silence: float
    longest: float

    @property
    def warn_after(self) -> float | None:
        """When to say that time is short; calls that short get no warning."""
        return self.longest - WARNING_S if self.longest > 2 * WARNING_S else None


def patience(limits: CallLimits, expectation: Expectation, *, on_hold: bool) -> float:
    """Seconds of silence that are nothing special."""
    if on_hold:
        return limits.silence * ON_HOLD
    return limits.silence * (SLOW_ANSWER if expectation is Expectation.EMAIL else 1.0)


def silent_until(seconds: float, quiet_since: float, sound_at: float) -> float:
    """When the caller's silence has lasted `seconds`.

    `quiet_since` is when the last word was said or heard, `sound_at` when something last sounded like speech. A noise
    that never ends delays us by no more than the patience itself.
    """
    end = quiet_since + seconds
    return min(max(end, sound_at + SOUND_S), end + seconds)
