"""Which level follows from what is known: a pure function of health, slow to believe that things are better."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

SLOW_S: Final = 1.3
"""First tokens later than this leave too little of the 1.9 s a first sentence may take."""
CALM_S: Final = 5.0
"""So long things must have been better before it is believed; that they are worse is believed at once."""


class Level(IntEnum):
    """From everything to nobody."""

    FULL = 0
    """The full model answers."""
    FAST = 1
    """A smaller, faster model answers (`OPENAI_FAST_MODEL`)."""
    RULES = 2
    """Rules, and sentences out of the articles."""
    PERSON = 3
    """A person, or a message: the assistant cannot talk with anybody."""


@dataclass(frozen=True, slots=True)
class Health:
    """What a process knows at one moment."""

    full: bool = True
    """Whether the full model is called."""
    fast: bool | None = None
    """The same of the fast one; None when there is none."""
    first_token_s: float | None = None
    """How long the full model lately took to its first token; None when it was not asked lately."""
    talks: bool = True
    """Whether callers can be heard and spoken to."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The level, and since when less would do."""

    level: Level = Level.FULL
    better_since: float | None = None


def wanted(health: Health) -> Level:
    """The best level that this health carries."""
    if not health.talks:
        return Level.PERSON
    is_slow = health.first_token_s is not None and health.first_token_s > SLOW_S
    if health.full and not (is_slow and health.fast):
        return Level.FULL
    return Level.FAST if health.fast else Level.RULES


def step(standing: Standing, health: Health, now: float) -> Standing:
    """The standing after a look at the health; `now` is monotonic."""
    best = wanted(health)
    if best >= standing.level:
        return Standing(best)
    since = now if standing.better_since is None else standing.better_since
    return Standing(best) if now - since >= CALM_S else Standing(standing.level, since)
