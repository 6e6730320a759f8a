"""What is known about the articles that are there."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from shared.contracts import knowledge as contract
from shared.contracts.knowledge import ArticlePage, ArticleSource
from shared.database.models import Article
from shared.errors import NotFound


@dataclass(frozen=True, slots=True)
class Selection:
    """Which articles, and which part of their list."""

    collection: str | None
    source: ArticleSource | None
    limit: int
    offset: int


async def list_articles(session: AsyncSession, chosen: Selection, space: str) -> ArticlePage:
    """Articles by collection and title. `space` is that of the present embedding model."""
    which: list[ColumnElement[bool]] = [Article.removed_at.is_(None)]
    if chosen.collection is not None:
        which.append(Article.collection == chosen.collection)
    if chosen.source is not None:
        which.append(Article.source == chosen.source.value)
    counts = select(func.count(), func.count().filter(_is_searchable(space))).select_from(Article).where(*which)
    total, searchable = (await session.execute(counts)).one()
    page = (
        select(Article)
        .options(defer(Article.body, raiseload=True))
        .where(*which)
        .order_by(Article.collection, Article.title, Article.id)
        .limit(chosen.limit)
        .offset(chosen.offset)
    )
    articles = [described(article, space) for article in await session.scalars(page)]
    return ArticlePage(articles=articles, total=total, searchable=searchable)


async def get_article(session: AsyncSession, article_id: UUID, space: str) -> contract.Article:
    """One article. Raises NotFound, also for one that was removed."""
    article = await session.get(Article, article_id, options=[defer(Article.body, raiseload=True)])
    if article is None or article.removed_at is not None:
        raise NotFound("there is no such article")
    return described(article, space)


def _is_searchable(space: str) -> ColumnElement[bool]:
    return and_(Article.indexed_version == Article.version, Article.indexed_with == space)


def described(article: Article, space: str) -> contract.Article:
    """The article as other rooms see it."""
    return contract.Article(
        id=article.id,
        collection=article.collection,
        source=ArticleSource(article.source),
        external_id=article.external_id,
        locale=article.locale,
        title=article.title,
        url=article.url,
        section=article.section,
        version=article.version,
        searchable=(article.indexed_version, article.indexed_with) == (article.version, space),
        updated_at=article.updated_at,
    )
