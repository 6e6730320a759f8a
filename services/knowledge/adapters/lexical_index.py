"""An inverted index with BM25 over the chunks of one collection, in memory, changed in place.

Scores are shares: what a chunk reaches of the most any chunk could reach for this question. That makes them comparable
between questions; a word that no chunk has counts as the rarest there can be, so that a question about something else
stays low.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from services.knowledge.domain.ranking import ChunkKey
from services.knowledge.domain.words import terms_of, words_of

SATURATION = 1.2
LENGTH_MATTERS = 0.75
"""k1 and b of BM25, at their usual values: others change hit@k by less than its error."""
TITLE_WEIGHT = 2.0
"""A word of the title or a heading counts as two of the text."""
WASTE = 0.25
"""Share of removed chunks from which the index is packed again."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Entry:
    """A chunk as the index keeps it: how often each term occurs, weighted."""

    key: ChunkKey
    terms: Mapping[str, float]

    @property
    def length(self) -> float:
        return sum(self.terms.values())


def entry(key: ChunkKey, prominent: Iterable[str], ordinary: Iterable[str], language: str) -> Entry:
    """Read a chunk: title and headings are prominent, the text and its keywords ordinary."""
    terms: dict[str, float] = {}
    for texts, weight in ((prominent, TITLE_WEIGHT), (ordinary, 1.0)):
        for text in texts:
            for term in words_of(text, language):
                terms[term] = terms.get(term, 0.0) + weight
    return Entry(key, terms)


@dataclass(slots=True)
class _Postings:
    """Where a term occurs: slots and weighted frequencies, side by side. `live` counts those not removed."""

    slots: array[int] = field(default_factory=lambda: array("i"))
    weights: array[float] = field(default_factory=lambda: array("f"))
    live: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """The shares of all chunks for one question."""

    _shares: Floats
    _slots: Mapping[ChunkKey, int]
    _keys: Sequence[ChunkKey]
    chunks: int

    def best(self, most: int) -> dict[ChunkKey, float]:
        """At most `most` chunks that share a word with the question, best first."""
        count = min(most, int(np.count_nonzero(self._shares)))
        if count == 0:
            return {}
        top = np.argpartition(-self._shares, count - 1)[:count]
        ordered = top[np.argsort(-self._shares[top], kind="stable")]
        return {self._keys[slot]: float(self._shares[slot]) for slot in ordered}

    def share_of(self, key: ChunkKey) -> float:
        """The share of this chunk; 0 when the index does not have it."""
        slot = self._slots.get(key)
        # the index may have grown since it was asked
        return 0.0 if slot is None or slot >= len(self._shares) else float(self._shares[slot])


class LexicalIndex:
    """The chunks of one collection. Not for use by several threads at once."""

    def __init__(self) -> None:
        self._postings: dict[str, _Postings] = {}
        self._entries: list[Entry | None] = []
        self._keys: list[ChunkKey] = []
        self._slots: dict[ChunkKey, int] = {}
        self._lengths: Floats = np.zeros(0, dtype=np.float32)
        self._alive: Floats = np.zeros(0, dtype=np.float32)
        """1 for a chunk, 0 where one was removed."""
        self._total_length = 0.0

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, entries: Sequence[Entry]) -> None:
        """Take chunks in; one whose key is there already is replaced."""
        self.remove(one.key for one in entries)
        for one in entries:
            self._append(one)
        fresh = np.fromiter((one.length for one in entries), dtype=np.float32, count=len(entries))
        self._lengths = np.concatenate([self._lengths, fresh])
        self._alive = np.concatenate([self._alive, np.ones_like(fresh)])
        self._total_length += float(fresh.sum())

    def _append(self, one: Entry) -> None:
        slot = len(self._entries)
        self._entries.append(one)
        self._keys.append(one.key)
        self._slots[one.key] = slot
        for term, weight in one.terms.items():
            postings = self._postings.setdefault(term, _Postings())
            postings.slots.append(slot)
            postings.weights.append(weight)
            postings.live += 1

    def remove(self, keys: Iterable[ChunkKey]) -> None:
        """Forget chunks; unknown ones do not matter."""
        for key in keys:
            slot = self._slots.pop(key, None)
            if slot is None or (gone := self._entries[slot]) is None:
                continue
            self._entries[slot] = None
            self._alive[slot] = 0.0
            self._total_length -= gone.length
            for term in gone.terms:
                self._postings[term].live -= 1

    @property
    def is_wasteful(self) -> bool:
        """Whether removed chunks take so much memory and time that `packed` is worth its work."""
        return len(self._entries) - len(self._slots) > max(100, WASTE * len(self._entries))

    def packed(self) -> LexicalIndex:
        """The same chunks without the traces of removed ones."""
        fresh = LexicalIndex()
        fresh.add([one for one in self._entries if one is not None])
        return fresh

    def ask(self, question: str, languages: Iterable[str]) -> Answer:
        """Compare a question with every chunk, its words in the forms of each of the languages."""
        reached = np.zeros(len(self._entries), dtype=np.float32)
        possible = 0.0
        for term in terms_of(question, languages):
            known = [postings for form in term.forms if (postings := self._postings.get(form)) and postings.live]
            if known:
                possible += max(self._rarity(postings.live) for postings in known)
            elif not term.is_joined:
                possible += self._rarity(0)
            for postings in known:
                self._count(postings, reached)
        if possible:
            reached *= self._alive / possible
        np.minimum(reached, 1.0, out=reached)
        return Answer(reached, self._slots, self._keys, len(self._slots))

    def _count(self, postings: _Postings, reached: Floats) -> None:
        slots = np.frombuffer(postings.slots, dtype=np.int32)
        weights = np.frombuffer(postings.weights, dtype=np.float32)
        mean = self._total_length / len(self._slots)
        damping = SATURATION * (1 - LENGTH_MATTERS + LENGTH_MATTERS * self._lengths[slots] / mean)
        reached[slots] += self._rarity(postings.live) * weights / (weights + damping)

    def _rarity(self, occurrences: int) -> float:
        """The inverse document frequency of BM25, never negative."""
        return float(np.log1p((len(self._slots) - occurrences + 0.5) / (occurrences + 0.5)))
