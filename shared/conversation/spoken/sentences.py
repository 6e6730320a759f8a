"""Cuts a stream of text into sentences as soon as each is whole, the first one early."""

from __future__ import annotations

import re

from shared.conversation.tables import words

LONGEST_FIRST = 70
"""Characters after which the first sentence is cut at a clause: speech begins while the rest is still being written."""
SHORTEST_FIRST = 16
"""A first piece shorter than this sounds torn."""
LONGEST = 240
"""Characters after which any sentence is cut at a clause, or at a word."""

_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|\n+|[。！？]+|[!?](?<=[a-z][a-z].)(?=[A-Z])")
_CLAUSE = re.compile(r"[,;:–—](?=\s)")
_ABBREVIATIONS = words(
    "mr mrs ms dr prof st sr jr vs etc approx dept est inc ltd co corp e.g i.e a.m p.m u.s u.k fig min max tel ext vol "
    "ca cf ave rd blvd apt gen col sgt p pp hr hrs mins sec secs jan feb mar apr jun jul aug sep sept oct nov dec mon "
    "tue tues wed thu thur thurs fri sat sun"
)
_MAY_END = _ABBREVIATIONS & words(
    "etc a.m p.m inc ltd co u.s u.k min max hr hrs mins sec secs jan feb mar apr jun jul aug sep sept oct nov dec mon "
    "tue tues wed thu thur thurs fri sat sun"
)
"""Abbreviations that often stand at the end of a sentence: then a capital letter follows."""
_BEFORE_FIGURES = words("no nos")
"""Abbreviations only before a figure; otherwise a word that ends a sentence."""
_MARKS = frozenset(".!?")
_PLAIN_WORD = re.compile(r"(?:^|\s)([A-Za-z]*[a-z]{3,})[.!?]$")
"""A word that no figure, address or row of dots ends with, and a mark."""
_LIST_NUMBER = re.compile(
    r"(?:^|[:;-]|\b(?:step|part|option|section|chapter|figure|version|number))\s*\d{1,2}$", re.IGNORECASE
)
"""A number that counts what follows it."""
_FIGURE = re.compile(r"(?:^|\s)\d{1,2}$")
"""A number that may be the last word of a sentence, or be cut in its middle."""
_INITIAL = re.compile(r"(?:^|[\s.])[A-Z]$")


class SentenceSplitter:
    """Feed it pieces of text; it gives back whole sentences. Keeps only what is not whole yet."""

    def __init__(self) -> None:
        self._rest = ""
        self._given = 0
        self._last_length = 0
        self._is_mark_alone = False
        """Whether the newest piece is a mark by itself, in a text that does not come letter by letter."""

    def feed(self, delta: str) -> list[str]:
        """The sentences that `delta` completes, trimmed and not empty."""
        self._rest += delta
        self._is_mark_alone = delta in _MARKS and self._last_length > 1
        self._last_length = len(delta)
        sentences = []
        while (cut := self._next_cut()) is not None:
            sentence, self._rest = self._rest[:cut].strip(), self._rest[cut:]
            if sentence:
                self._given += 1
                sentences.append(sentence)
        return sentences

    def flush(self) -> list[str]:
        """What is left when the text has ended."""
        rest, self._rest = self._rest.strip(), ""
        return [rest] if rest else []

    def _next_cut(self) -> int | None:
        for end in _END.finditer(self._rest):
            if self._is_end(end):
                return end.end()
        if self._ends_now():
            return len(self._rest)
        limit = LONGEST if self._given else LONGEST_FIRST
        if len(self._rest) <= limit:
            return None
        clauses = [clause.end() for clause in _CLAUSE.finditer(self._rest) if SHORTEST_FIRST <= clause.end() <= LONGEST]
        if clauses:
            return clauses[-1] if self._given else clauses[0]
        if len(self._rest) <= LONGEST:
            return None
        space = self._rest.rfind(" ", 0, LONGEST)
        return space + 1 if space > 0 else LONGEST

    def _ends_now(self) -> bool:
        """Whether the text so far is a whole sentence, without waiting for the space behind it.

        The next piece is 10 to 50 ms away. A model's pieces are words and signs: what goes on without a space ("?!",
        ".com") comes in one piece with its mark, so a mark by itself behind a plain word is the end.
        """
        if not self._is_mark_alone or self._rest.count('"') % 2 or self._rest.count("(") > self._rest.count(")"):
            return False
        end = _PLAIN_WORD.search(self._rest)
        return end is not None and end[1].lower() not in _ABBREVIATIONS | _BEFORE_FIGURES

    def _is_end(self, end: re.Match[str]) -> bool:
        mark = end.group()
        if not mark.startswith("."):
            return True
        before = self._rest[: end.start()]
        following = self._rest[end.end() :].lstrip()
        word = before.rsplit(None, 1)[-1].lower().lstrip("(\"'“‘[") if before.split() else ""
        if len(mark) > 1 and mark.startswith(".."):
            return not following or following[0].isupper()
        if word in _ABBREVIATIONS:
            # Whether a capital follows is known only when something follows.
            return word in _MAY_END and bool(following) and following[0].isupper()
        if word in _BEFORE_FIGURES:
            return bool(following) and not following[0].isdigit()
        if _FIGURE.search(before):
            return not _LIST_NUMBER.search(before) and bool(following) and following[0].isupper()
        return not _INITIAL.search(before)
