"""What a conversation came to, in the form a ticket needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.ticketing.domain.category import Category
from shared.contracts.conversations import Priority

SUBJECT_LIMIT = 80
"""Characters of a subject: what a help desk shows in its list."""


class SummaryOrigin(StrEnum):
    """What wrote a summary."""

    MODEL = "model"
    EXTRACTIVE = "extractive"
    """Taken from the conversation's own sentences, without a model."""


class Sentiment(StrEnum):
    """How the caller's words sounded: a flag for people, never a reason for a priority."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary of any origin. Every sentence of it rests on words that were heard."""

    origin: SummaryOrigin
    subject: str
    """One problem, at most SUBJECT_LIMIT characters, no name and no contact data."""
    text: str
    wish: str
    """What the caller wants."""
    key_points: tuple[str, ...]
    promise: str | None
    category: Category
    priority: Priority
    sentiment: Sentiment
    model: str | None = None


@dataclass(frozen=True, slots=True)
class VersionedSummary:
    """A stored summary; a later version is a better one."""

    version: int
    summary: Summary


def shorten(text: str, limit: int) -> str:
    """`text` on one line, cut at a word when it is longer than `limit` characters."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    cut = line[: limit - 1]
    whole, _, _ = cut.rpartition(" ")
    return (whole or cut).rstrip(" ,;:.-–") + "…"
