"""The help centre over the API: visitors see what is published in public sections, staff sees everything."""

from __future__ import annotations

from lab.kayako import refusals
from lab.kayako.answers import Answer, by_offset, one
from lab.kayako.desk import Desk
from lab.kayako.help_centre import Article, ArticleStatus, Category, Section, Visibility
from lab.kayako.incoming import Incoming


def list_articles(desk: Desk, incoming: Incoming) -> Answer:
    """Articles by id; `filter=PUBLISHED` leaves drafts out for staff too."""
    arguments = incoming.arguments
    articles = [article for article in desk.help_centre.articles.values() if _may_read(desk, incoming, article)]
    if (section_id := arguments.number("section_id")) is not None:
        articles = [article for article in articles if article.section_id == section_id]
    if "tags" in arguments:
        wanted = {word.casefold() for word in arguments.words("tags")}
        articles = [article for article in articles if wanted & {tag.casefold() for tag in article.tags}]
    if "legacy_ids" in arguments:
        legacy = set(arguments.words("legacy_ids"))
        articles = [article for article in articles if article.legacy_id in legacy]
    match (arguments.text("filter") or "").upper():
        case "":
            pass
        case "PUBLISHED":
            articles = [article for article in articles if article.status is ArticleStatus.PUBLISHED]
        case "PINNED":
            articles = []
        case _:
            raise refusals.field_invalid("filter")
    return by_offset(incoming, sorted(articles, key=lambda article: article.id), Article.kind, Article.body)


def get_article(desk: Desk, incoming: Incoming, article_id: int) -> Answer:
    """One article."""
    article = desk.help_centre.articles.get(article_id)
    if article is None or not _may_read(desk, incoming, article):
        raise refusals.not_found()
    return one(article)


def _may_read(desk: Desk, incoming: Incoming, article: Article) -> bool:
    return incoming.session is not None or desk.help_centre.is_public(article)


def list_sections(desk: Desk, incoming: Incoming) -> Answer:
    """Sections, oldest first."""
    sections = [section for section in desk.help_centre.sections.values() if _may_enter(incoming, section)]
    if "category_ids" in incoming.arguments or "category_id" in incoming.arguments:
        wanted = set(incoming.arguments.ids("category_ids") + incoming.arguments.ids("category_id"))
        sections = [section for section in sections if section.category_id in wanted]
    ordered = sorted(sections, key=lambda section: (section.created_at, section.id))
    return by_offset(incoming, ordered, Section.kind, Section.body)


def get_section(desk: Desk, incoming: Incoming, section_id: int) -> Answer:
    """One section."""
    section = desk.help_centre.sections.get(section_id)
    if section is None or not _may_enter(incoming, section):
        raise refusals.not_found()
    return one(section)


def _may_enter(incoming: Incoming, section: Section) -> bool:
    return incoming.session is not None or section.visibility is Visibility.PUBLIC


def list_categories(desk: Desk, incoming: Incoming) -> Answer:
    """Categories in their order."""
    return by_offset(incoming, list(desk.help_centre.categories.values()), Category.kind, Category.body)


def get_category(desk: Desk, incoming: Incoming, category_id: int) -> Answer:  # noqa: ARG001
    """One category."""
    if category_id not in desk.help_centre.categories:
        raise refusals.not_found()
    return one(desk.help_centre.categories[category_id])
