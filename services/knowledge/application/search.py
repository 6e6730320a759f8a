"""Answers a question with passages: words and vectors side by side, then what the record says is still true.

Vectors are the part that can be away: then words alone answer, and the answer says so. The record is not: an article's
old text must never be read to a caller, so without PostgreSQL there is no answer.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ARRAY, Integer, Row, Select, Uuid, bindparam, func, select

from services.knowledge.application.ports import LexicalSearch, NoVectors, QuestionEmbedder, Vector, VectorSearch
from services.knowledge.domain.ranking import (
    WIDE,
    ChunkKey,
    Found,
    Present,
    Sibling,
    fuse,
    one_per_article,
    widened,
)
from shared.contracts.knowledge import Lookup, Passage, SearchRequest
from shared.database.engine import AsyncSessions
from shared.database.models import Article, Chunk, Collection
from shared.database.transactions import transaction
from shared.errors import CallwrightError
from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.resilience.breaker import Breaker, BreakerOpen
from shared.security.foreign_text import one_line

log = get_logger(__name__)

FROM_VECTORS = 50
FROM_WORDS = 30
WITH_VECTORS = 12
"""Of those, how many are compared by their vectors even when the vectors alone would not propose them."""
READ = 60
"""Chunks whose text is read: about twenty articles, since the chunks of one count once in the end."""
NEAR = 4
"""Chunks before and after a found one from which its passage is widened."""
NEIGHBOURED = 6
"""Found chunks whose neighbours are read with them: the best articles are among these."""
VECTOR_DEADLINE_S = 0.8
"""For the question's vector and its neighbours together; a caller is waiting."""


@dataclass(frozen=True, slots=True)
class VectorBreakers:
    """Of what the vector side consists of; each is left alone by itself."""

    embedding: Breaker
    vectors: Breaker


class Search:
    """Searches collections. Keep one per process."""

    def __init__(
        self,
        sessions: AsyncSessions,
        embedder: QuestionEmbedder,
        vectors: VectorSearch,
        lexical: LexicalSearch,
        threshold: float,
        breakers: VectorBreakers,
    ) -> None:
        self._sessions = sessions
        self._embedder = embedder
        self._vectors = vectors
        self._lexical = lexical
        self._threshold = threshold
        self._breakers = breakers

    async def search(self, request: SearchRequest) -> Lookup:
        """Passages of different articles, best first. Raises DatabaseAway."""
        question = one_line(request.query)
        if not question:
            return Lookup(found=False, passages=[])
        with _measured("total"):
            with _measured("words"):
                words = await self._lexical.ask(request.collection, question)
                shares = words.best(FROM_WORDS)
            near = await self._near(request.collection, question, list(shares)[:WITH_VECTORS])
            cosines = near.cosines if near is not None else {}
            by_vectors = {key: self._embedder.calibration.likeness(cosine) for key, cosine in cosines.items()}
            by_words = {**shares, **{key: words.share_of(key) for key in by_vectors}}
            with _measured("record"):
                passages, version = await self._passages(request, fuse(by_vectors, by_words, words.chunks, READ))
        found = bool(passages) and passages[0].score >= self._threshold
        metrics.knowledge_results_total.labels(result="found" if found else "not_found").inc()
        return Lookup(
            found=found,
            passages=passages,
            lexical_only=near is None,
            version=version,
            question_vector=_in_bytes(near.question) if near is not None else None,
        )

    async def _near(self, collection: str, question: str, also: Sequence[ChunkKey]) -> _Near | None:
        """What is near by vectors, or None when the vector side gives no answer in time."""
        until = asyncio.get_running_loop().time() + VECTOR_DEADLINE_S
        if self._breakers.vectors.is_resting:
            return None  # a vector with nothing to compare it to need not be paid for
        try:
            async with _asking(self._breakers.embedding, until):
                with _measured("embedding"):
                    vector = await self._embedder.embed_question(question)
            async with _asking(self._breakers.vectors, until):
                with _measured("vectors"):
                    cosines = await self._vectors.likest(collection, vector, FROM_VECTORS, also)
        except (BreakerOpen, NoVectors):
            return None
        except (CallwrightError, TimeoutError) as error:
            log.warning("vectors_away", error=type(error).__name__, collection=collection)
            return None
        return _Near(vector, cosines)

    async def _passages(self, request: SearchRequest, found: Sequence[Found]) -> tuple[list[Passage], int | None]:
        """What of the found chunks is still true, an article each, the best ones widened; and of which version."""
        rows = await self._read(request.collection, _with_neighbours(found))
        present = [_present(one, rows[one.key]) for one in found if one.key in rows]
        best = one_per_article(present, request.locale, request.limit)
        version = next((row.collection_version for row in rows.values()), None)
        return [_passage(one, rows if place < WIDE else {}) for place, one in enumerate(best)], version

    async def _read(self, collection: str, keys: set[ChunkKey]) -> dict[ChunkKey, Row[Any]]:
        """The chunks that belong to the present version of an article that is there. Raises DatabaseAway."""
        asked = {
            "collection": collection,
            "article_ids": [key.article_id for key in keys],
            "versions": [key.version for key in keys],
            "positions": [key.position for key in keys],
        }
        async with transaction(self._sessions) as session:
            rows = await session.execute(PRESENT, asked)
        return {ChunkKey(row.article_id, row.version, row.position): row for row in rows}


@dataclass(frozen=True, slots=True)
class _Near:
    """What the vector side says of a question."""

    question: Vector
    cosines: Mapping[ChunkKey, float]


def _in_bytes(vector: Vector) -> str:
    """A vector of length one with a signed byte a dimension, base64: near enough to compare questions."""
    scale = 127 / max(float(np.abs(vector).max()), 1e-9)
    return base64.b64encode(np.round(vector * scale).astype(np.int8).tobytes()).decode()


def _with_neighbours(found: Sequence[Found]) -> set[ChunkKey]:
    """The found chunks, and around the best of them those from which a passage may be widened."""
    keys = {one.key for one in found}
    for one in found[:NEIGHBOURED]:
        article_id, version, position = one.key
        keys |= {ChunkKey(article_id, version, at) for at in range(max(0, position - NEAR), position + NEAR + 1)}
    return keys


def _present(found: Found, row: Row[Any]) -> Present:
    family = (row.source, row.external_id)
    return Present(found, family, row.locale, row.title, row.url, row.heading, row.text)


def _statement() -> Select[Any]:
    """Chunks by their keys, with what is said of their articles; stale keys find nothing."""
    arrays = (
        bindparam("article_ids", type_=ARRAY(Uuid())),
        bindparam("versions", type_=ARRAY(Integer())),
        bindparam("positions", type_=ARRAY(Integer())),
    )
    wanted = func.unnest(*arrays).table_valued("article_id", "version", "position").render_derived()
    return (
        select(Chunk.article_id, Chunk.version, Chunk.position, Chunk.heading, Chunk.text)
        .add_columns(Article.source, Article.external_id, Article.locale, Article.title, Article.url)
        .add_columns(Collection.version.label("collection_version"))
        .select_from(wanted)
        .join(
            Chunk,
            (Chunk.article_id == wanted.c.article_id)
            & (Chunk.version == wanted.c.version)
            & (Chunk.position == wanted.c.position),
        )
        .join(Article, (Article.id == Chunk.article_id) & (Article.version == Chunk.version))
        .join(Collection, Collection.name == Article.collection)
        .where(Article.collection == bindparam("collection"), Article.removed_at.is_(None))
    )


PRESENT = _statement()


def _passage(chunk: Present, rows: Mapping[ChunkKey, Row[Any]]) -> Passage:
    """The chunk as other rooms see it, widened when `rows` has its neighbours."""
    key = chunk.found.key
    of_article = [row for other, row in rows.items() if other.article_id == key.article_id]
    siblings = [Sibling(row.position, row.heading, row.text) for row in of_article]
    return Passage(
        article_id=key.article_id,
        chunk_id=str(key),
        title=chunk.title,
        heading=chunk.heading,
        text=widened(key.position, siblings) if siblings else chunk.text,
        url=chunk.url,
        score=round(chunk.found.relevance, 4),
    )


@asynccontextmanager
async def _asking(breaker: Breaker, until: float) -> AsyncIterator[None]:
    """Ask what this breaker covers, until this time of the loop's clock, and tell it how that went.

    Raises BreakerOpen, TimeoutError, and what the block raises; a missing collection is an answer.
    """
    breaker.enter()
    try:
        async with asyncio.timeout_at(until):
            yield
    except NoVectors:
        breaker.succeeded()
        raise
    except (CallwrightError, TimeoutError) as error:
        breaker.failed(type(error).__name__)
        raise
    breaker.succeeded()


@contextmanager
def _measured(part: str) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        metrics.knowledge_seconds.labels(part=part).observe(time.perf_counter() - began)
