"""Fills the help centre from a folder of Markdown files.

A file begins with front matter: lines of `name: value` between two lines of `---`. Known names: `id`, `title`,
`section` (`category/section` or a section), `locale` (en-us when absent), `status` (PUBLISHED when absent),
`visibility` (PUBLIC when absent), `keywords`, `tags`. Files with the same id and different locales are translations of
one article.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from markdown_it import MarkdownIt
from pydantic import BaseModel, ConfigDict, ValidationError

from lab.kayako.help_centre import DEFAULT_LOCALE, ArticleStatus, HelpCentre, Visibility

FENCE = "---"


class ArticleUnreadable(ValueError):
    """A file cannot become an article; the message names it and says what is wrong."""


class FrontMatter(BaseModel):
    """What a file says about its article."""

    model_config = ConfigDict(extra="forbid")

    id: str = ""
    title: str = ""
    section: str = "General"
    locale: str = DEFAULT_LOCALE
    status: ArticleStatus = ArticleStatus.PUBLISHED
    visibility: Visibility = Visibility.PUBLIC
    keywords: str | None = None
    tags: str = ""


@dataclass(frozen=True)
class ArticleFile:
    """One file, read."""

    path: Path
    front: FrontMatter
    html: str

    @property
    def key(self) -> str:
        """What the translations of an article share."""
        return self.front.id or self.path.stem


def load_folder(help_centre: HelpCentre, folder: Path) -> int:
    """Add every article of the folder and return their number. Raises ArticleUnreadable; nothing is added then."""
    if not folder.is_dir():
        raise ArticleUnreadable(f"{folder}: no such folder")
    files = sorted((read_article(path) for path in sorted(folder.rglob("*.md"))), key=lambda file: file.key)
    articles = [list(group) for _, group in groupby(files, key=lambda file: file.key)]
    for group in articles:
        _check(group)
    for group in articles:
        _add(help_centre, group)
    return len(articles)


def read_article(path: Path) -> ArticleFile:
    """Read one file. Raises ArticleUnreadable."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ArticleUnreadable(f"{path}: is not a readable UTF-8 file") from error
    front, markdown = _split(path, text)
    heading, _, rest = markdown.lstrip().partition("\n")
    if heading.startswith("# "):
        front = front.model_copy(update={"title": front.title or heading[2:].strip()})
        markdown = rest
    if not markdown.strip():
        raise ArticleUnreadable(f"{path}: has no text")
    if not front.title:
        raise ArticleUnreadable(f"{path}: has no title, neither in the front matter nor as a first heading")
    # Raw HTML stays: real help centres are full of it, and readers must cope.
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    return ArticleFile(path, front, html)


def _split(path: Path, text: str) -> tuple[FrontMatter, str]:
    lines = text.splitlines()
    if not lines or lines[0].strip() != FENCE:
        return FrontMatter(), text
    try:
        end = next(number for number, line in enumerate(lines[1:], 1) if line.strip() == FENCE)
    except StopIteration:
        raise ArticleUnreadable(f"{path}: the front matter has no closing {FENCE}") from None
    values = {}
    for number, line in enumerate(lines[1:end], 2):
        name, colon, value = line.partition(":")
        if not line.strip():
            continue
        if not colon:
            raise ArticleUnreadable(f"{path}:{number}: expected 'name: value'")
        values[name.strip()] = _unquoted(value.strip())
    try:
        return FrontMatter(**values), "\n".join(lines[end + 1 :])
    except ValidationError as error:
        problem = error.errors()[0]
        raise ArticleUnreadable(f"{path}: {problem['loc'][0]}: {problem['msg']}") from error


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].replace('\\"', '"')
    return value


def _check(group: list[ArticleFile]) -> None:
    locales = [file.front.locale for file in group]
    if len(set(locales)) != len(locales):
        names = ", ".join(str(file.path) for file in group)
        raise ArticleUnreadable(f"{names}: the same article twice in one language")


def _add(help_centre: HelpCentre, group: Iterable[ArticleFile]) -> None:
    translations = sorted(group, key=lambda file: file.front.locale != DEFAULT_LOCALE)
    front = translations[0].front
    number = int(front.id) if front.id.isdigit() else None
    help_centre.add(
        texts={file.front.locale: (file.front.title, file.html) for file in translations},
        section=help_centre.section(front.section, front.visibility),
        status=front.status,
        article_id=number,
        legacy_id=None if number is not None else front.id or None,
        keywords=front.keywords,
        tags=[tag.strip() for tag in front.tags.split(",") if tag.strip()],
    )
