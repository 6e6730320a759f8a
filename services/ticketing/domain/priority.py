"""Priority from impact and urgency, never from tone: an angry caller with a small wish is a small ticket."""

from __future__ import annotations

import re
from enum import IntEnum

from shared.contracts.conversations import Outcome, Priority


class Impact(IntEnum):
    """What the matter does to the caller."""

    NONE = 0
    """A question, or something that was settled in the call."""
    HINDERED = 1
    """Something does not go as it should."""
    BLOCKED = 2
    """The caller cannot use what was bought, or loses money every day."""
    DANGER = 3
    """People or property may come to harm."""


class Urgency(IntEnum):
    """How long it can wait."""

    LOW = 0
    NORMAL = 1
    HIGH = 2
    """Today, or a date that is named and near."""


_TABLE: dict[Impact, tuple[Priority, Priority, Priority]] = {
    Impact.NONE: (Priority.LOW, Priority.LOW, Priority.NORMAL),
    Impact.HINDERED: (Priority.NORMAL, Priority.NORMAL, Priority.HIGH),
    Impact.BLOCKED: (Priority.NORMAL, Priority.HIGH, Priority.URGENT),
    Impact.DANGER: (Priority.URGENT, Priority.URGENT, Priority.URGENT),
}

_DANGER = re.compile(
    r"\b(?:on fire|caught fire|smoke|smoking hot|burn(?:s|ing|t)? (?:smell|plastic)|smells? (?:of|like) (?:burning|gas)"
    r"|gas leak|electric shock|got a shock|sparks?|injur\w+|ambulance|emergency services|life support|medical alarm)\b",
    re.IGNORECASE,
)
_BLOCKED = re.compile(
    r"\b(?:no (?:internet|connection|signal|service|power|access)|(?:completely|totally) (?:down|dead)|nothing works"
    r"|(?:can(?:not|'t| not)|unable to) (?:use|work|connect|log ?in|sign ?in|access|call|pay)|locked out|stolen"
    r"|fraud\w*|hacked|stopped working|(?:is|are|it's) (?:down|dead)|not working at all"
    r"|charged twice|double charged)\b",
    re.IGNORECASE,
)
_HINDERED = re.compile(
    r"\b(?:broken|faulty|error\w*|fails?|failed|failing|wrong|slow\w*|keeps? (?:\w+ing)|late|missing|overcharg\w*"
    r"|refund|does(?:n't| not) work|did(?:n't| not) (?:arrive|work|come)|problem\w*|issue\w*|trouble|orange light"
    r"|red light)\b",
    re.IGNORECASE,
)
_SOON = re.compile(
    r"\b(?:urgent\w*|immediately|right now|right away|as soon as possible|asap|today|tonight|by tomorrow|deadline"
    r"|in an hour|within the hour|emergency)\b",
    re.IGNORECASE,
)
_LATER = re.compile(
    r"\b(?:no (?:rush|hurry)|not urgent|whenever|some ?time|when you (?:can|have time))\b", re.IGNORECASE
)


def impact_by_words(text: str) -> Impact:
    """The impact that the caller's words describe."""
    for impact, pattern in ((Impact.DANGER, _DANGER), (Impact.BLOCKED, _BLOCKED), (Impact.HINDERED, _HINDERED)):
        if pattern.search(text):
            return impact
    return Impact.NONE


def urgency_by_words(text: str) -> Urgency:
    """The urgency that the caller's words describe."""
    if _LATER.search(text):
        return Urgency.LOW
    return Urgency.HIGH if _SOON.search(text) else Urgency.NORMAL


def priority_of(impact: Impact, urgency: Urgency, outcome: Outcome) -> Priority:
    """The priority of a ticket.

    What was answered in the call waits for nobody, except where there is danger. A promise or a call we could not take
    is never below normal: somebody waits for us.
    """
    priority = _TABLE[impact][urgency]
    if outcome is Outcome.ANSWERED and impact is not Impact.DANGER:
        return Priority.LOW
    if outcome in (Outcome.FOLLOW_UP, Outcome.REFUSED, Outcome.TRANSFERRED) and priority is Priority.LOW:
        return Priority.NORMAL
    return priority
