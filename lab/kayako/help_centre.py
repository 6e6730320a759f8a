"""The help centre: categories, sections, and articles in several languages."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from lab.kayako.lookups import LocaleField
from lab.kayako.output import Address, Body, Reference
from lab.kayako.resource import Numbers, Resource, timestamp
from lab.kayako.texts import slug

DEFAULT_LOCALE = "en-us"
AUTHOR = 15
"""The agent who wrote every article."""


class ArticleStatus(StrEnum):
    """Only PUBLISHED is for readers."""

    PUBLISHED = "PUBLISHED"
    DRAFT = "DRAFT"
    PENDING_APPROVAL = "PENDINGAPPROVAL"


class Visibility(StrEnum):
    """Who may read a section."""

    PUBLIC = "PUBLIC"
    AUTHORIZED = "AUTHORIZED"
    AGENTS = "AGENTS"


@dataclass(kw_only=True)
class Category(Resource):
    """A shelf of sections."""

    kind: ClassVar[str] = "category"
    path: ClassVar[str] = "/categories"
    titles: list[LocaleField]

    def fields(self) -> Body:
        return {
            "legacy_id": None,
            "titles": [title.reference for title in self.titles],
            "slugs": [],
            "descriptions": [],
            "brand": Reference("brand", 1),
            "display_order": self.id,
        }


@dataclass(kw_only=True)
class Section(Resource):
    """A shelf of articles."""

    kind: ClassVar[str] = "section"
    path: ClassVar[str] = "/sections"
    titles: list[LocaleField]
    category_id: int
    visibility: Visibility = Visibility.PUBLIC

    def fields(self) -> Body:
        return {
            "legacy_id": None,
            "titles": [title.reference for title in self.titles],
            "slugs": [],
            "descriptions": [],
            "visibility": self.visibility.value,
            "teams": [],
            "tags": [],
            "category": Reference("category", self.category_id),
            "agent": Reference("user_minimal", AUTHOR),
            "article_order_by": "LATEST",
            "total_articles": None,
        }


@dataclass(kw_only=True)
class Article(Resource):
    """An article: one resource, its texts in as many languages as it has been translated to."""

    kind: ClassVar[str] = "article"
    path: ClassVar[str] = "/articles"
    legacy_id: str | None
    section_id: int
    titles: list[LocaleField]
    contents: list[LocaleField]
    """HTML, as people paste it: with scripts, frames and inline styles."""
    status: ArticleStatus
    keywords: str | None = None
    tags: list[str] = field(default_factory=list)
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))

    def fields(self) -> Body:
        published = self.status is ArticleStatus.PUBLISHED
        first = self.titles[0]
        return {
            "legacy_id": self.legacy_id,
            "uuid": self.uuid,
            "titles": [title.reference for title in self.titles],
            "slugs": [
                {
                    "locale": title.locale,
                    "translation": f"{self.id}-{slug(title.translation)}",
                    "resource_type": "slug",
                }
                for title in self.titles
            ],
            "contents": [content.reference for content in self.contents],
            "keywords": self.keywords,
            "section": Reference("section", self.section_id),
            "creator": Reference("user_minimal", AUTHOR),
            "author": Reference("user_minimal", AUTHOR),
            "attachments": [],
            "download_all": None,
            "status": self.status.value,
            "upvote_count": 0,
            "downvote_count": 0,
            "views": 0,
            "rank": 0,
            "tags": [{"name": name, "resource_type": "tag"} for name in self.tags],
            "is_featured": False,
            "allow_comments": True,
            "total_comments": 0,
            "published_at": timestamp(self.created_at) if published else None,
            "helpcenter_url": Address(f"/{first.locale}/article/{self.id}-{slug(first.translation)}", on_site=True)
            if published
            else None,
        }


Kept = TypeVar("Kept", bound=Resource)


class HelpCentre:
    """Everything there is to read."""

    def __init__(
        self,
        numbers: Numbers,
        keep: Callable[[Resource], None],
        drop: Callable[[Resource], None],
        now: Callable[[], datetime],
    ) -> None:
        """`keep` and `drop` make resources known to, and forget them in, whatever resolves references."""
        self.categories: dict[int, Category] = {}
        self.sections: dict[int, Section] = {}
        self.articles: dict[int, Article] = {}
        self._numbers = numbers
        self._keep = keep
        self._drop = drop
        self._now = now

    def section(self, path: str, visibility: Visibility = Visibility.PUBLIC) -> Section:
        """The section at `category/section` (or `section` alone, in the category Help), made when it is new."""
        category_title, _, title = path.rpartition("/")
        category = self._category(category_title.strip() or "Help")
        for section in self.sections.values():
            known = section.titles[0].translation
            if section.category_id == category.id and known == title.strip() and section.visibility is visibility:
                return section
        section = Section(
            **self._new("section"),
            titles=[self._text(DEFAULT_LOCALE, title.strip())],
            category_id=category.id,
            visibility=visibility,
        )
        return self._stored(section, self.sections)

    def add(
        self,
        texts: Mapping[str, tuple[str, str]],
        section: Section,
        status: ArticleStatus = ArticleStatus.PUBLISHED,
        article_id: int | None = None,
        legacy_id: str | None = None,
        keywords: str | None = None,
        tags: Sequence[str] = (),
    ) -> Article:
        """A new article with its (title, HTML) by locale. Raises ValueError when its id is taken or it has no text."""
        if not texts:
            raise ValueError("an article needs a text in at least one language")
        if article_id is not None and article_id in self.articles:
            raise ValueError(f"there is an article {article_id} already")
        if article_id is not None:
            self._numbers.reserve("article", article_id)
        article = Article(
            id=article_id if article_id is not None else self._numbers.take("article"),
            created_at=self._now(),
            updated_at=self._now(),
            legacy_id=legacy_id,
            section_id=section.id,
            titles=[self._text(locale, title) for locale, (title, _) in texts.items()],
            contents=[self._text(locale, html) for locale, (_, html) in texts.items()],
            status=status,
            keywords=keywords,
            tags=list(tags),
        )
        return self._stored(article, self.articles)

    def rewrite(self, article_id: int, locale: str, title: str | None = None, html: str | None = None) -> Article:
        """Change texts as Kayako does: the text's own time moves, the article's does not.

        Raises KeyError when there is no such article, ValueError when it has no text in this language.
        """
        article = self.articles[article_id]
        for texts, new in ((article.titles, title), (article.contents, html)):
            if new is None:
                continue
            text = next((text for text in texts if text.locale == locale), None)
            if text is None:
                raise ValueError(f"article {article_id} has no text in {locale}")
            text.translation = new
            text.updated_at = self._now()
        return article

    def set_status(self, article_id: int, status: ArticleStatus) -> Article:
        """Publish or withdraw. Raises KeyError when there is no such article."""
        article = self.articles[article_id]
        article.status = status
        article.updated_at = self._now()
        return article

    def remove(self, article_id: int) -> None:
        """Delete for good. Raises KeyError when there is no such article."""
        article = self.articles.pop(article_id)
        for resource in (article, *article.titles, *article.contents):
            self._drop(resource)

    def is_public(self, article: Article) -> bool:
        """Whether a visitor may read it."""
        return (
            article.status is ArticleStatus.PUBLISHED
            and self.sections[article.section_id].visibility is Visibility.PUBLIC
        )

    def _category(self, title: str) -> Category:
        for category in self.categories.values():
            if category.titles[0].translation == title:
                return category
        category = Category(**self._new("category"), titles=[self._text(DEFAULT_LOCALE, title)])
        return self._stored(category, self.categories)

    def _text(self, locale: str, translation: str) -> LocaleField:
        text = LocaleField(**self._new("locale_field"), locale=locale, translation=translation)
        self._keep(text)
        return text

    def _new(self, kind: str) -> dict[str, Any]:
        return {"id": self._numbers.take(kind), "created_at": self._now(), "updated_at": self._now()}

    def _stored(self, resource: Kept, store: dict[int, Kept]) -> Kept:
        store[resource.id] = resource
        self._keep(resource)
        return resource
