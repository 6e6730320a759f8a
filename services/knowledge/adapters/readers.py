"""Files to articles: Markdown, HTML and plain text become the same clean Markdown.

Markdown is rendered to HTML and read back, so that one reader decides what is visible, whatever the file was.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from pathlib import PurePath

from services.knowledge.adapters.decoding import decode
from services.knowledge.adapters.html_to_markdown import read_html, read_markdown
from services.knowledge.domain.article import (
    LONGEST_ADDRESS,
    LONGEST_KEYWORDS,
    LONGEST_NAME,
    LONGEST_TITLE,
    ArticleText,
    is_locale,
    locale_name,
)
from shared.errors import Invalid, TooLarge
from shared.security.foreign_text import clean, one_line

MOST_BYTES = 5 * 1024 * 1024
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?P<fields>(?:[^\n]*\n){0,100}?)---[ \t]*(?:\n|\Z)")
_FIELD = re.compile(r"^(?P<name>[A-Za-z_]+)\s*:\s*(?P<value>.*?)\s*$")
_HTML_BEGINS = re.compile(r"\s*(?:<!doctype html|<html[\s>])", re.IGNORECASE)
_WEB_ADDRESS = re.compile(r"^https?://[^\s<>\"]{3,}$", re.IGNORECASE)


def read_file(name: str, data: bytes, locale: str) -> ArticleText:
    """The article in a file. Its name keeps it: the same name and locale again replaces the text.

    Raises Invalid, with a sentence that names the file, when it holds no readable text of its kind, and TooLarge.
    """
    shown = one_line(PurePath(name.replace("\\", "/")).name)
    if not shown or len(shown) > LONGEST_NAME:
        raise Invalid(f"the file needs a name of at most {LONGEST_NAME} characters")
    if len(data) > MOST_BYTES:
        raise TooLarge(f"{shown} is larger than {MOST_BYTES // 1024 // 1024} MiB: split it into several files")
    if not is_locale(locale):
        raise Invalid("the locale must look like en or en-us")
    reader = _READERS.get(PurePath(shown).suffix.lower())
    if reader is None:
        raise Invalid(f"{shown}: send Markdown (.md), HTML (.html) or plain text (.txt)")
    try:
        article = reader(shown, decode(data), locale_name(locale))
    except Invalid as error:
        raise Invalid(f"{shown}: {error.detail}") from error
    if not article.body:
        raise Invalid(f"{shown}: it has no visible text")
    return article


def _read_markdown(name: str, text: str, locale: str) -> ArticleText:
    if _HTML_BEGINS.match(text):
        raise Invalid("it is an HTML document: name it .html")
    fields, text = _front_matter(clean(text))
    page = read_markdown(text)
    title = fields.get("title") or page.heading
    own_locale = fields.get("locale", "")
    return _article(name, title, page.markdown, locale_name(own_locale) if is_locale(own_locale) else locale, fields)


def _read_html_file(name: str, text: str, locale: str) -> ArticleText:
    page = read_html(text)
    title = page.heading or page.title
    return _article(name, title, page.markdown, locale, {})


def _read_plain(name: str, text: str, locale: str) -> ArticleText:
    """Paragraphs are separated by blank lines; a short first line that stands alone is the title."""
    paragraphs = [part for part in re.split(r"\n\s*\n", clean(text).strip()) if part.strip()]
    title = ""
    if len(paragraphs) > 1 and "\n" not in paragraphs[0].strip() and len(paragraphs[0]) <= LONGEST_TITLE // 4:
        title = paragraphs[0]
    html = "".join(f"<p>{'<br>'.join(escape(part).splitlines())}</p>" for part in paragraphs)
    return _article(name, title, read_html(html).markdown, locale, {})


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    """`name: value` lines between two lines of `---` at the beginning, and the rest; nested values are passed over."""
    found = _FRONT_MATTER.match(text)
    if found is None:
        return {}, text
    fields = {}
    for line in found["fields"].splitlines():
        if (field := _FIELD.match(line)) and (value := one_line(_unquoted(field["value"]))):
            fields[field["name"].lower()] = value
    return fields, text[found.end() :]


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].replace('\\"', '"')
    return value


def _article(name: str, title: str, body: str, locale: str, fields: dict[str, str]) -> ArticleText:
    stem = PurePath(name).stem.replace("-", " ").replace("_", " ").strip()
    address = fields.get("url", "")
    words = ", ".join(fields[key].strip("[]") for key in ("keywords", "tags") if key in fields)
    return ArticleText(
        external_id=name,
        locale=locale,
        title=one_line(title)[:LONGEST_TITLE] or stem or name,
        body=body,
        url=address if _WEB_ADDRESS.match(address) and len(address) <= LONGEST_ADDRESS else None,
        section=fields.get("section", "")[:LONGEST_TITLE] or None,
        keywords=words[:LONGEST_KEYWORDS] or None,
    )


_READERS: dict[str, Callable[[str, str, str], ArticleText]] = {
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".html": _read_html_file,
    ".htm": _read_html_file,
    ".txt": _read_plain,
}
