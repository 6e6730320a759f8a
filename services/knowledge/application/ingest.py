"""Keeping articles: a new text replaces the old one, with its chunks and the order to embed it, in one transaction.

Chunks are written here and not by the embedding worker: from the commit on the words of the new text are found and
those of the old one are gone, whatever the queue is doing. Written for a synchronous session; the web side calls these
through `await session.run_sync(function, …)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, Text, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.knowledge.domain.article import ArticleText
from services.knowledge.domain.chunking import Chunk as Passage
from services.knowledge.domain.chunking import CutArticle
from shared.contracts.knowledge import ArticleSource
from shared.contracts.tasks import TaskName
from shared.database.models import Article, Chunk, Collection
from shared.errors import Conflict, NotFound
from shared.messaging.outbox import outbox_row


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a text."""

    article: Article
    changed: bool
    """False when it is the text that was already there."""


def store_article(session: Session, collection: str, source: ArticleSource, cut: CutArticle) -> Stored:
    """Keep the text as the article's present version. The same text again changes nothing."""
    text = cut.text
    shelf = _locked(session, collection)
    known = session.scalars(
        select(Article).where(
            Article.collection == collection,
            Article.source == source.value,
            Article.external_id == text.external_id,
            Article.locale == text.locale,
        )
    ).one_or_none()
    if known is not None and known.removed_at is None and known.content_hash == text.content_hash:
        known.url = text.url
        return Stored(known, changed=False)
    article = known or Article(id=uuid4(), collection=collection, source=source.value, version=0)
    _write(article, text)
    if known is None:
        session.add(article)
    session.flush()
    _replace_chunks(session, article, cut.passages)
    shelf.version += 1
    session.add(
        outbox_row(TaskName.EMBED_ARTICLE, article.id, article_id=article.id, version=article.version),
    )
    session.flush()
    return Stored(article, changed=True)


def _locked(session: Session, name: str) -> Collection:
    """The collection's row, made when missing and held to the end of the transaction: its changes come one by one."""
    session.execute(insert(Collection).values(name=name).on_conflict_do_nothing())
    return session.scalars(select(Collection).where(Collection.name == name).with_for_update()).one()


def _write(article: Article, text: ArticleText) -> None:
    article.external_id = text.external_id
    article.locale = text.locale
    article.title = text.title
    article.url = text.url
    article.section = text.section
    article.keywords = text.keywords
    article.body = text.body
    article.content_hash = text.content_hash
    article.version += 1
    article.removed_at = None


def _replace_chunks(session: Session, article: Article, passages: Sequence[Passage]) -> None:
    session.execute(delete(Chunk).where(Chunk.article_id == article.id))
    # arrays, not rows: a large article has thousands, and this runs beside callers' questions
    given = func.unnest(
        literal([passage.heading for passage in passages], ARRAY(Text())),
        literal([passage.text for passage in passages], ARRAY(Text())),
    ).table_valued("heading", "text", with_ordinality="number")
    given = given.render_derived()
    columns = select(literal(article.id), literal(article.version), given.c.number - 1, given.c.heading, given.c.text)
    session.execute(insert(Chunk).from_select(["article_id", "version", "position", "heading", "text"], columns))


def remove_article(session: Session, article_id: UUID, now: datetime) -> None:
    """Take an article out: its text is deleted at once, its vectors in the background.

    Raises NotFound, also for one that was removed before.
    """
    collection = session.scalar(select(Article.collection).where(Article.id == article_id))
    if collection is None:
        raise NotFound("there is no such article")
    shelf = _locked(session, collection)
    article = session.get_one(Article, article_id, populate_existing=True)
    if article.removed_at is not None:
        raise NotFound("there is no such article")
    session.execute(delete(Chunk).where(Chunk.article_id == article_id))
    article.removed_at = now
    article.body, article.content_hash, article.keywords = "", "", None
    article.indexed_version = article.indexed_with = None
    shelf.version += 1
    session.add(outbox_row(TaskName.FORGET_ARTICLE, article_id, article_id=article_id))


def remove_uploaded(session: Session, article_id: UUID, now: datetime) -> None:
    """Remove an article that was uploaded.

    Raises NotFound, and Conflict for one of the help centre: the next import would bring it back.
    """
    source = session.scalar(select(Article.source).where(Article.id == article_id))
    if source == ArticleSource.KAYAKO:
        raise Conflict("this article comes from the help centre: unpublish it there, the next import removes it here")
    remove_article(session, article_id, now)
