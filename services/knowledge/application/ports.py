"""What searching and embedding need from outside, one small protocol each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import numpy as np
import numpy.typing as npt

from services.knowledge.domain.article import ArticleText
from services.knowledge.domain.ranking import ChunkKey
from shared.errors import Transient

Vector = npt.NDArray[np.float32]
"""Shape (dimensions,), length one."""
Vectors = npt.NDArray[np.float32]
"""Shape (texts, dimensions), each row of length one."""


class NoVectors(Transient):
    """The collection has no vectors of this model (yet)."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Cosines of a model that mean nothing in common, and as much as one can hope for."""

    nothing: float
    everything: float

    def likeness(self, cosine: float) -> float:
        """The cosine as 0 to 1, comparable between models."""
        return min(1.0, max(0.0, (cosine - self.nothing) / (self.everything - self.nothing)))


class QuestionEmbedder(Protocol):
    """Turns a caller's question into a vector, while the caller waits."""

    space: str
    """Names the vectors: only those of the same space can be compared."""
    calibration: Calibration

    async def embed_question(self, question: str) -> Vector:
        """Raises Transient when there is no vector in time."""
        ...


class TextEmbedder(Protocol):
    """Turns texts into vectors, in the background."""

    space: str

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Raises Transient when trying again later is right, and Permanent when it is not."""
        ...


class VectorSearch(Protocol):
    """Finds chunks by their vectors."""

    async def likest(
        self, collection: str, question: Vector, most: int, also: Sequence[ChunkKey]
    ) -> Mapping[ChunkKey, float]:
        """Cosines of the `most` nearest chunks, and of those in `also` that have a vector.

        Raises NoVectors, or Transient when the vectors cannot be asked in time.
        """
        ...


class VectorStore(Protocol):
    """Keeps vectors of one space. All methods raise Transient when the store cannot be reached."""

    def known(self, collection: str, keys: Sequence[ChunkKey]) -> set[ChunkKey]:
        """Which of the keys have a vector."""
        ...

    def put(self, collection: str, keys: Sequence[ChunkKey], vectors: Vectors) -> None:
        """Keep vectors under their keys; repeating it changes nothing."""
        ...

    def forget(self, collection: str, article_id: UUID, up_to_version: int) -> None:
        """Drop the article's vectors of these versions, in this and every other space."""
        ...

    def count(self, collection: str) -> int:
        """How many vectors there are; 0 when the collection does not exist."""
        ...


class LexicalAnswer(Protocol):
    """How far the words of each chunk cover one question, 0 to 1."""

    @property
    def chunks(self) -> int:
        """How many chunks the collection has."""
        ...

    def best(self, most: int) -> Mapping[ChunkKey, float]:
        """At most `most` chunks that share a word with the question, best first."""
        ...

    def share_of(self, key: ChunkKey) -> float:
        """The share of one chunk; 0 when it is unknown."""
        ...


class LexicalSearch(Protocol):
    """Finds chunks by their words."""

    async def ask(self, collection: str, question: str) -> LexicalAnswer:
        """Raises Transient when the collection's text cannot be read for the first time."""
        ...


class HelpCentre(Protocol):
    """The help centre whose articles we follow."""

    def texts(self) -> Iterator[ArticleText]:
        """Every text that everybody may read, one per article and language.

        Raises the client's errors, and IncompletePass at the end when some may be missing. What was given before may be
        stored; what was not given must not be taken as deleted then.
        """
        ...


class IncompletePass(Transient):
    """The help centre did not show all the articles it says it has."""
