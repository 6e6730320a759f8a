"""What an article is: one text in one language, clean, with a name that stays."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

LONGEST_TITLE = 500
"""Of a title and of a section's name; lengths are the record's columns, in characters."""
LONGEST_NAME = 200
"""Of the external id."""
LONGEST_ADDRESS = 1000
LONGEST_KEYWORDS = 1000
"""Authors write a dozen words; every chunk of the article carries them in the index."""
_LOCALE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,2}\Z")


def locale_name(locale: str) -> str:
    """The locale in our form, such as `en-us`, whatever its case and separator."""
    return locale.strip().lower().replace("_", "-")


def is_locale(locale: str) -> bool:
    """Whether the text looks like `en`, `en-us` or `zh-hans-cn`."""
    name = locale_name(locale)
    return len(name) <= 16 and _LOCALE.match(name) is not None


@dataclass(frozen=True, slots=True)
class ArticleText:
    """A text as a reader delivers it. Everything is cleaned; `body` is Markdown without raw HTML."""

    external_id: str
    """The help centre's id, or the name of the uploaded file; with the locale it names the article for ever."""
    locale: str
    """Lower case, such as `en-us`."""
    title: str
    body: str
    url: str | None = None
    section: str | None = None
    keywords: str | None = None
    """Search words and tags, separated by commas."""

    @property
    def content_hash(self) -> str:
        """SHA-256 over what is searched and shown; the address is not part of it, since it changes no passage."""
        searched = json.dumps([self.title, self.body, self.section, self.keywords], ensure_ascii=False)
        return hashlib.sha256(searched.encode("utf-8", errors="surrogatepass")).hexdigest()
