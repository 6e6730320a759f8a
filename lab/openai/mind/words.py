"""Words, stems, sentences: the little language this stand-in knows (English)."""

from __future__ import annotations

import re
from functools import lru_cache

import snowballstemmer

SHORT_PART = re.compile(r"\b([^\W_]{1,2})-(?=[^\W_])")
"""`Wi-Fi` and `e-mail` are also written without their hyphen."""
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]*[A-Z0-9À-Þ])")
_EMPTY = """
a about actually after again all also am an and any anyone are as ask at be because been before being but by call
called calling can can't cannot could did do does doesn't doing don't for from get getting got guys had has have
having he hello help her hey hi him his how how's i i'd i'll i'm i've if in into is isn't it it's its just kind know
let like long look many me mine much my need no not now of ok okay on one or our out over please question really right
said say see she should so some someone something sorry take takes tell thank thanks that that's the their them then
there these they thing this those to too trying uh um up us very wanna want wanted was we well were what what's when
where whether which while who why will with won't would yeah yes you you're your
"""
EMPTY = frozenset(_EMPTY.split())
"""Words that say nothing about the matter."""

_stemmer = snowballstemmer.stemmer("english")


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The stem of one word."""
    return str(_stemmer.stemWord(word.lower().replace("’", "'")))


def stems(text: str) -> list[str]:
    """Stems of the words that say something, in order."""
    found = (word.lower().replace("’", "'") for word in WORD.findall(SHORT_PART.sub(r"\1", text)))
    return [stem(word) for word in found if word not in EMPTY]


def sentences(text: str) -> list[str]:
    """A paragraph as sentences."""
    return [part.strip() for part in SENTENCE_END.split(re.sub(r"\s+", " ", text)) if part.strip()]


def shortened(text: str, most: int) -> str:
    """At most so many characters, cut between words."""
    text = re.sub(r"\s+", " ", text).strip()
    if len(text) <= most:
        return text
    return text[: most - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"
