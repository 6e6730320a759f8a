"""Which passages answer a question: one relevance from two sides, and one place per article."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self
from uuid import UUID

SUPPORT = 0.5
"""How much of the remaining doubt the words can take away from what the vectors say. Between 0.4 and 0.6 all open data
agree (docs/benchmarks.md, Knowledge)."""
WORDS_ALONE = 2 / 3
"""The power that makes the words' share comparable when there are no vectors: the same threshold serves then."""
CHANCE = 0.05
"""Taken off per power of ten above FEW chunks: among many, one is always somewhat like a question. Measured on
collections of 45 to 1,742 chunks (docs/benchmarks.md, Knowledge)."""
FEW = 50
WIDE = 2
"""How many of the best articles are given with what stands around the found chunk; more would only be read in vain."""
WIDEST = 1600
"""Characters of a widened passage: half of all articles of an ordinary help centre are whole then."""


class ChunkKey(NamedTuple):
    """Which chunk of which version of which article."""

    article_id: UUID
    version: int
    position: int

    def __str__(self) -> str:
        return f"{self.article_id}:{self.version}:{self.position}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The key that `str()` wrote. Raises ValueError."""
        article_id, version, position = text.split(":")
        return cls(UUID(article_id), int(version), int(position))


@dataclass(frozen=True, slots=True)
class Found:
    """A chunk that one of the sides proposes."""

    key: ChunkKey
    relevance: float
    """0 to 1, comparable between questions and collections."""


@dataclass(frozen=True, slots=True)
class Present:
    """A found chunk with its text, as the record has it now."""

    found: Found
    family: tuple[str, str]
    """Source and external id: the same for all translations of an article."""
    locale: str
    title: str
    url: str | None
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Sibling:
    """A chunk of an article, by its place in it."""

    position: int
    heading: str
    text: str


def relevance(likeness: float | None, lexical: float) -> float:
    """How well a chunk fits a question, 0 to 1.

    Words support what the vectors say and never speak against it: callers do not know the article's words.
    `likeness` is the calibrated cosine, None when the chunk has no vector (yet) or the vectors cannot be asked;
    `lexical` is the share of the question's weight that the chunk's words cover.
    """
    if likeness is None:
        return float(lexical**WORDS_ALONE)
    return 1 - (1 - likeness) * (1 - SUPPORT * lexical)


def by_chance(chunks: int) -> float:
    """What the best of so many chunks reaches by chance more than the best of a few."""
    return CHANCE * max(0.0, math.log10(max(chunks, 1) / FEW))


def fuse(likeness: Mapping[ChunkKey, float], lexical: Mapping[ChunkKey, float], chunks: int, most: int) -> list[Found]:
    """What either side proposes of a collection with so many chunks, best first, at most `most`."""
    chance = by_chance(chunks)
    fits = {key: relevance(likeness.get(key), lexical.get(key, 0.0)) for key in set(likeness) | set(lexical)}
    found = [Found(key, max(0.0, fit - chance)) for key, fit in fits.items()]
    found.sort(key=lambda one: (-one.relevance, one.key))
    return found[:most]


def one_per_article(chunks: Iterable[Present], locale: str | None, limit: int) -> list[Present]:
    """The best chunk of each article, in one language, best first.

    Of the translations of an article the one in the caller's locale counts, then one in the caller's language, then the
    best fitting. `chunks` come best first.
    """
    families: dict[tuple[str, str], list[Present]] = {}
    for chunk in chunks:
        families.setdefault(chunk.family, []).append(chunk)
    best = [_in_best_language(family, locale) for family in families.values()]
    best.sort(key=lambda one: -one.found.relevance)
    return best[:limit]


def _in_best_language(family: Sequence[Present], locale: str | None) -> Present:
    """The first of the chunks whose language is nearest to the caller's."""
    if locale is None:
        return family[0]
    wanted, language = locale.lower(), locale.lower().partition("-")[0]

    def distance(chunk: Present) -> int:
        if chunk.locale == wanted:
            return 0
        return 1 if chunk.locale.partition("-")[0] == language else 2

    return min(family, key=distance)


def widened(position: int, siblings: Iterable[Sibling]) -> str:
    """The chunk at `position` with as much of what stands after and before it as fits, in reading order.

    The chunk that is most like a question is often the one that names the task; the steps stand in the next.
    """
    by_position = {sibling.position: sibling for sibling in siblings}
    first = last = position
    length = len(by_position[position].text)
    while True:
        after, before = by_position.get(last + 1), by_position.get(first - 1)
        if after is not None and length + len(after.text) <= WIDEST:
            last, length = last + 1, length + len(after.text)
        elif before is not None and length + len(before.text) <= WIDEST:
            first, length = first - 1, length + len(before.text)
        else:
            return _joined(by_position[position].heading, [by_position[at] for at in range(first, last + 1)])


def _joined(heading: str, chunks: Iterable[Sibling]) -> str:
    """One text; where the headings change from the given one on, the new one stands before its part, in Markdown."""
    parts: list[str] = []
    for chunk in chunks:
        if chunk.heading != heading:
            heading = chunk.heading
            if heading:
                parts.append(f"## {heading.rpartition(' > ')[2]}")
        parts.append(chunk.text)
    return "\n".join(parts)
