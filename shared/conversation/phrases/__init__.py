"""The sentences that are ours: one key each, one table per language, the same in every call of an agent.

Another language is a module with a `PHRASES` table like `english` and a line in `_TABLES`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shared.conversation.phrases import english, german
from shared.conversation.phrases.keys import Phrase

__all__ = ["LANGUAGES", "Phrase", "phrase", "phrases_without_values", "variants"]

DEFAULT = "en"
_TABLES: Mapping[str, Mapping[Phrase, tuple[str, ...]]] = {"en": english.PHRASES, "de": german.PHRASES}
LANGUAGES = frozenset(_TABLES)
"""What we have whole sets of sentences in, by the first part of a BCP 47 tag."""


def _table(language: str) -> Mapping[Phrase, tuple[str, ...]]:
    return _TABLES.get(language.partition("-")[0].lower(), _TABLES[DEFAULT])


def variants(language: str, key: Phrase) -> tuple[str, ...]:
    """Every way to say it, in the order they are used when it must be said again."""
    return _table(language)[key]


def phrase(language: str, key: Phrase, variant: int = 0, values: Mapping[str, str] | None = None) -> str:
    """The sentence; from the last variant on it stays the last one.

    `values` are put in literally: braces in them mean nothing.
    """
    choices = variants(language, key)
    text = choices[min(variant, len(choices) - 1)]
    for name, value in (values or {}).items():
        text = text.replace("{" + name + "}", value)
    return text


def phrases_without_values(language: str) -> Iterator[str]:
    """Every sentence that is the same in every call: what an audio cache may be warmed with."""
    for choices in _table(language).values():
        yield from (text for text in choices if "{" not in text)
