"""The languages understanding speaks. Another one is a module like `english` and a line here."""

from __future__ import annotations

from shared.conversation.understanding import english, german
from shared.conversation.understanding.words import Words

DEFAULT = "en"
_WORDS: dict[str, Words] = {"en": english.WORDS, "de": german.WORDS}


def words_of(language: str) -> Words:
    """The tables of a BCP 47 language, or English ones: then the assistant understands less, and never nothing."""
    return _WORDS.get(language.partition("-")[0].lower(), _WORDS[DEFAULT])
