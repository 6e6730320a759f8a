"""What the embedding worker does: vectors for the chunks of an article's present version.

Safe to run twice, in any order and beside another run: keys carry the version, a run marks only the version it
embedded, and whoever finds that the article has moved on takes its own vectors away again. What an interrupted run has
stored, the next one need not embed again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from sqlalchemy import select, update

from services.knowledge.application.ports import TextEmbedder, Vectors, VectorStore
from services.knowledge.domain.passage_text import views
from services.knowledge.domain.ranking import ChunkKey
from shared.database.engine import Sessions
from shared.database.models import Article, Chunk
from shared.observability.logs import get_logger

log = get_logger(__name__)

BATCH = 64
"""Chunks between two visits to the store: about a second of work."""


@dataclass(frozen=True, slots=True)
class _Passage:
    key: ChunkKey
    views: tuple[str, ...]


def embed_article(
    sessions: Sessions, embedder: TextEmbedder, store: VectorStore, article_id: UUID, version: int
) -> bool:
    """Give this version of the article its vectors; False when it is no longer the present one, or has them.

    Raises what the embedder and the store raise: Transient to try again, Permanent to park.
    """
    work = _work(sessions, embedder.space, article_id, version)
    if work is None:
        return False
    collection, passages = work
    known = store.known(collection, [passage.key for passage in passages])
    missing = [passage for passage in passages if passage.key not in known]
    for batch in _batches(missing):
        store.put(collection, [passage.key for passage in batch], _embedded(embedder, batch))
    if not _mark(sessions, embedder.space, article_id, version):
        store.forget(collection, article_id, version)
        return False
    store.forget(collection, article_id, version - 1)
    log.info("article_embedded", article_id=str(article_id), version=version, chunks=len(missing), model=embedder.space)
    return True


def _work(sessions: Sessions, space: str, article_id: UUID, version: int) -> tuple[str, list[_Passage]] | None:
    """The collection and the passages to embed; None when there is nothing to do."""
    with sessions() as session:
        article = session.get(Article, article_id)
        if article is None or article.removed_at is not None or article.version != version:
            return None
        if (article.indexed_version, article.indexed_with) == (version, space):
            return None
        chunks = session.scalars(
            select(Chunk).where(Chunk.article_id == article_id, Chunk.version == version).order_by(Chunk.position)
        )
        return article.collection, [
            _Passage(
                ChunkKey(article_id, version, chunk.position),
                views(article.title, chunk.heading, chunk.text, article.keywords),
            )
            for chunk in chunks
        ]


def _batches(passages: Sequence[_Passage]) -> Iterator[Sequence[_Passage]]:
    return (passages[at : at + BATCH] for at in range(0, len(passages), BATCH))


def _embedded(embedder: TextEmbedder, passages: Sequence[_Passage]) -> Vectors:
    """One vector per passage, the mean of its views; a view that several share, such as the title, is embedded once."""
    texts = list(dict.fromkeys(view for passage in passages for view in passage.views))
    of_text = dict(zip(texts, embedder.embed(texts), strict=True))
    means = np.stack([np.mean([of_text[view] for view in passage.views], axis=0) for passage in passages])
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), dtype=np.float32)


def _mark(sessions: Sessions, space: str, article_id: UUID, version: int) -> bool:
    """Say that this version has its vectors; False when the article has moved on meanwhile."""
    present = (Article.id == article_id, Article.version == version, Article.removed_at.is_(None))
    mark = update(Article).where(*present).values(indexed_version=version, indexed_with=space)
    with sessions.begin() as session:
        return session.scalar(mark.returning(Article.id)) is not None


def forget_article(sessions: Sessions, store: VectorStore, article_id: UUID) -> None:
    """Drop the vectors of a removed article; those of a version that came after the removal stay."""
    with sessions() as session:
        article = session.get(Article, article_id)
        if article is None:
            return
        last = article.version if article.removed_at is not None else article.version - 1
    store.forget(article.collection, article_id, last)
