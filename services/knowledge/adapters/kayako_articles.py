"""The help centre's articles out of Kayako: published ones in public sections, one text per language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from services.knowledge.adapters.html_to_markdown import read_html
from services.knowledge.application.ports import IncompletePass
from services.knowledge.domain.article import (
    LONGEST_ADDRESS,
    LONGEST_KEYWORDS,
    LONGEST_TITLE,
    ArticleText,
    is_locale,
    locale_name,
)
from shared.clients.kayako import KayakoClient
from shared.clients.kayako_envelope import Row
from shared.errors import Invalid
from shared.observability.logs import get_logger
from shared.security.foreign_text import one_line

log = get_logger(__name__)

PUBLISHED = "PUBLISHED"
PUBLIC = "PUBLIC"
INCLUDED = "locale_field,section"
"""Texts and sections inside the list: one request a page instead of several per article."""


class KayakoArticles:
    """Implements `HelpCentre`. An agent's login sees drafts and internal sections: they are left out here."""

    def __init__(self, client: KayakoClient) -> None:
        self._client = client

    def texts(self) -> Iterator[ArticleText]:
        seen: set[object] = set()
        totals: set[int | None] = set()
        unreadable = 0
        for page in self._client.pages("articles", include=INCLUDED):
            totals.add(page.total_count)
            for row in page.rows:
                seen.add(row.get("id"))
                match row:
                    case {"id": int(), "status": str(status), "section": {"visibility": str(visibility)}}:
                        if status == PUBLISHED and visibility == PUBLIC:
                            yield from self._in_each_language(row)
                    case _:
                        unreadable += 1
        # articles can move between pages while they are read: what was seen must be what there is
        if totals != {len(seen)} or unreadable:
            raise IncompletePass(f"the help centre showed {len(seen)} articles, {unreadable} of them unreadable")

    def _in_each_language(self, row: Row) -> Iterator[ArticleText]:
        """One text per language that has both a title and contents with visible words."""
        contents = self._translations(row.get("contents"))
        titles = self._translations(row.get("titles"))
        names = self._translations(row["section"].get("titles"))
        for locale, html in contents.items():
            title = one_line(titles.get(locale) or next(iter(titles.values()), ""))
            try:
                body = read_html(html).markdown
            except Invalid as error:
                log.warning("article_unreadable", kind="text", reason=error.detail)
                continue
            if not title or not body:
                continue
            name = one_line(names.get(locale) or next(iter(names.values()), ""))
            yield ArticleText(
                external_id=str(row["id"]),
                locale=locale,
                title=title[:LONGEST_TITLE],
                body=body,
                url=_address(row, locale),
                section=name[:LONGEST_TITLE] or None,
                keywords=_search_words(row),
            )

    def _translations(self, fields: object) -> dict[str, str]:
        """Texts by locale. One that came as a bare reference is fetched."""
        found = {}
        for field in fields if isinstance(fields, Sequence) and not isinstance(fields, str) else ():
            whole = field if "translation" in field else self._client.get(f"locale/fields/{field['id']}").row
            match whole:
                case {"translation": str(text), "locale": str(locale)} if is_locale(locale):
                    found[locale_name(locale)] = text
        return found


def _address(row: Row, locale: str) -> str | None:
    """Where a reader finds the article, in this language when its address tells how."""
    address = row.get("helpcenter_url")
    if not isinstance(address, str) or not address.startswith(("https://", "http://")):
        return None
    slugs = {slug.get("locale"): slug.get("translation") for slug in row.get("slugs") or ()}
    base, found, _ = address.partition("/article/")
    if found and isinstance(slug := slugs.get(locale), str):
        address = f"{base.rpartition('/')[0]}/{locale}/article/{slug}"
    return address if len(address) <= LONGEST_ADDRESS else None


def _search_words(row: Row) -> str | None:
    """Keywords and tags, which authors set for searching."""
    tags = [tag.get("name") if isinstance(tag, Mapping) else tag for tag in row.get("tags") or ()]
    words = [row.get("keywords"), *tags]
    joined = one_line(", ".join(word for word in words if isinstance(word, str) and word.strip()))
    return joined[:LONGEST_KEYWORDS] or None
