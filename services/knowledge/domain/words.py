"""Words as the lexical side compares them: lower case, without endings, without the small talk of a call."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, cast

import snowballstemmer

_RUN = re.compile(r"[^\W_]+(?:['’.\-‐‑][^\W_]+)*")
"""Letters and digits, with what joins parts of one word inside: `Wi-Fi`, `don't`, `2.4`."""
_JOINS = re.compile(r"[.\-‐‑]")
_WITHOUT_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")
"""Scripts that write words without spaces between them (and Korean, whose particles stick to the word)."""

STEMMERS = {
    "da": "danish",
    "de": "german",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "it": "italian",
    "nb": "norwegian",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "sv": "swedish",
}
_SMALL_TALK = """
a about am an and any are as at be been being but by can cant could did didnt do does doesnt doing dont for from get
gets getting give go going gonna got had has have having he hello her hey hi him his how i if im in into is isnt it
its ive just know let like me my need no not of oh ok okay on or our please say she should so some tell than thank
thanks that thats the their them then there theres these they this those to uh uhm um us wanna want was we well were
what whats when where wheres which who why will with wonder wondering wont would yeah yes you your
"""
SMALL_TALK = frozenset(_SMALL_TALK.split())
"""English words that carry no subject. In other languages the weighting by rarity must do."""


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802  (the library's name)


class _Stemmers(threading.local):
    """A stemmer keeps the word it works on, so every thread needs its own."""

    def __init__(self) -> None:
        self._made: dict[str, _Stemmer] = {}

    def of(self, algorithm: str) -> _Stemmer:
        """This thread's stemmer for the algorithm."""
        if algorithm not in self._made:
            self._made[algorithm] = cast(_Stemmer, snowballstemmer.stemmer(algorithm))
        return self._made[algorithm]


_stemmers = _Stemmers()


def language_of(locale: str) -> str:
    """The language part of a locale: `en` of `en-us`."""
    return locale.partition("-")[0].lower()


@lru_cache(maxsize=200_000)
def stem(word: str, language: str) -> str:
    """The word without its ending; as it is in a language that we have no rules for."""
    algorithm = STEMMERS.get(language)
    return word if algorithm is None else _stemmers.of(algorithm).stemWord(word)


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a question, in every form in which a text may hold it."""

    forms: frozenset[str]
    is_joined: bool
    """`wifi` made of `wi-fi`: it counts only where texts know it so, since its parts stand beside it."""


def words_of(text: str, language: str) -> list[str]:
    """The terms of a text, in order, repeated as often as they occur."""
    return [stem(word, language) for word, _ in _plain_words(text)]


def terms_of(question: str, languages: Iterable[str]) -> list[Term]:
    """The different words of a question, each in its form in these languages."""
    known = tuple(languages)
    words = dict(_plain_words(question))
    terms = {frozenset(stem(word, language) for language in known): joined for word, joined in words.items()}
    return [Term(forms, joined) for forms, joined in terms.items()]


def _plain_words(text: str) -> Iterator[tuple[str, bool]]:
    """Words without small talk, each with whether it was joined from parts that follow it."""
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).casefold()):
        for word, joined in _spellings(run):
            if word not in SMALL_TALK:
                yield word, joined


def _spellings(run: str) -> Iterator[tuple[str, bool]]:
    """`wi-fi` as `wifi`, as callers' words arrive, and its longer parts; scripts without spaces as pairs of signs."""
    if _WITHOUT_SPACES.search(run):
        yield from ((pair, False) for pair in _pairs(run))
        return
    whole = run.removesuffix("'s").removesuffix("’s").replace("'", "").replace("’", "")
    parts = [part for part in _JOINS.split(whole) if len(part) > 2]
    yield _JOINS.sub("", whole), bool(parts) and parts != [whole]
    if parts != [whole]:
        yield from ((part, False) for part in parts)


def _pairs(run: str) -> list[str]:
    return [run] if len(run) < 3 else [run[at : at + 2] for at in range(len(run) - 1)]
