"""Finds articles whose vectors are missing and orders them again: after a new embedding model, or a lost Chroma."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, String, cast, exists, func, or_, select, text, update
from sqlalchemy.orm import Session

from services.knowledge.application.ports import VectorStore
from shared.contracts.tasks import TaskName
from shared.database.engine import Sessions
from shared.database.models import Article, Chunk, Collection, DeadLetter, OutboxRow
from shared.messaging.outbox import outbox_row
from shared.observability.logs import get_logger

log = get_logger(__name__)

PATIENCE = timedelta(minutes=10)
"""How long an order to embed an article is given before another one is written."""
ONE_AT_A_TIME = 0x6B6E6F776D656E64
"""The advisory lock of this work: two processes starting together order everything once."""


def order_missing(sessions: Sessions, store: VectorStore, space: str) -> int:
    """Order the embedding of every article without vectors in this space; the number ordered.

    Left alone are those ordered a moment ago, and those whose order was parked: a person mends and replays it.
    Raises Transient when the store cannot be asked.
    """
    with sessions() as session:
        collections = list(session.scalars(select(Collection.name)))
    lost = [name for name in collections if _expected(sessions, name, space) > store.count(name)]
    with sessions.begin() as session:
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
        for name in lost:
            log.warning("vectors_lost", collection=name)
            _doubt(session, name)
        return _order(session, space)


def _expected(sessions: Sessions, collection: str, space: str) -> int:
    """How many vectors the record says there are."""
    complete = (
        select(func.count())
        .select_from(Chunk)
        .join(Article, (Article.id == Chunk.article_id) & (Article.version == Chunk.version))
        .where(Article.collection == collection, _is_complete(space), Article.removed_at.is_(None))
    )
    with sessions() as session:
        return session.scalar(complete) or 0


def _is_complete(space: str) -> ColumnElement[bool]:
    return (Article.indexed_version == Article.version) & (Article.indexed_with == space)


def _doubt(session: Session, collection: str) -> None:
    """Forget that this collection's articles have vectors."""
    session.execute(
        update(Article).where(Article.collection == collection).values(indexed_version=None, indexed_with=None)
    )


def _order(session: Session, space: str) -> int:
    article_id = cast(Article.id, String)
    under_way = exists().where(
        OutboxRow.task == TaskName.EMBED_ARTICLE.value,
        OutboxRow.order_key == article_id,
        OutboxRow.created_at > func.now() - PATIENCE,
    )
    parked = exists().where(
        DeadLetter.task == TaskName.EMBED_ARTICLE.value,
        DeadLetter.payload["article_id"].astext == article_id,
        DeadLetter.replayed_at.is_(None),
    )
    incomplete = or_(Article.indexed_version.is_(None), Article.indexed_with.is_(None), ~_is_complete(space))
    missing = session.execute(
        select(Article.id, Article.version).where(Article.removed_at.is_(None), incomplete, ~under_way, ~parked)
    ).all()
    for about, version in missing:
        session.add(outbox_row(TaskName.EMBED_ARTICLE, about, article_id=about, version=version))
    if missing:
        log.info("embedding_ordered", count=len(missing), model=space)
    return len(missing)
