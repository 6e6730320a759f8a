"""Picks, from the passages given, the sentences that fit the question, and makes them speakable."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.openai.mind.dialogue import Passage
from lab.openai.mind.words import sentences, stems

FITS = 0.4
"""Share of a question's words, by weight, that a passage must hold to be about it."""
IN_TITLE, IN_HEADING = 1.0, 0.75
"""What a word of the question counts for a sentence under a title or heading that holds it; its own words count 1."""
LATER = 0.05
"""What each place further down takes away: of equals, the earlier sentence and the better-placed passage win."""
MOST_SENTENCES = 2
MOST_WORDS = 30
"""An answer on the telephone is short."""

FIGURES = (
    (
        re.compile(r"\bhow (?:long|soon|fast)\b", re.IGNORECASE),
        re.compile(r"\d+ (?:second|minute|hour|day|week|month)"),
    ),
    (
        re.compile(r"\bhow much\b|\b(?:cost|price)s?\b", re.IGNORECASE),
        re.compile(r"\d+ (?:dollar|cent|euro)|[$€£] ?\d|free"),
    ),
)
"""What asks for a figure, and what such a figure looks like: a sentence with one is preferred."""

LEANS = re.compile(r"(?:\W*\w+){0,2}\W*\b(?:it|this|that|they|these|those|then)\b", re.IGNORECASE)
"""A sentence that begins like this makes no sense without the one before."""

MARKUP = (
    (re.compile(r"!\[[^\]]*\]\([^)]*\)"), ""),
    (re.compile(r"\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"<[^>]{1,200}>"), " "),
    (re.compile(r"[*_`]{1,3}(\S[^*_`]*)[*_`]{1,3}"), r"\1"),
    (re.compile(r"https?://\S+"), ""),
)
LIST_MARK = re.compile(r"^\s*(?:[-*+•]|\d{1,2}[.)])\s+")
TABLE_ROW = re.compile(r"^\s*\|")
TABLE_RULE = re.compile(r"^\s*\|(?:\s*:?-+:?\s*\|)+\s*$")
CODE_LINE = re.compile(r"^\s*(`+).*\1\s*$")
HEADING = re.compile(r"^\s*#{1,6}\s")


@dataclass(frozen=True)
class Sentence:
    """A sentence and the heading it stands under."""

    text: str
    heading: str


def answer(question: str, passages: Sequence[Passage], before: str = "") -> str | None:
    """One to three sentences that answer, or None when no passage is about the question.

    `before` is what the caller asked before: "and how long does it take?" means that.
    """
    wanted = next((figure for asking, figure in FIGURES if asking.search(question)), None)
    return _answer(question, passages, wanted) or (
        _answer(f"{before} {question}", passages, wanted) if before else None
    )


def _answer(question: str, passages: Sequence[Passage], wanted: re.Pattern[str] | None) -> str | None:
    weights = _weights(question, passages)
    fits = [_fit(weights, passage) for passage in passages]
    if not weights or max(fits, default=0.0) < FITS:
        return None
    best = max(
        (number for number, fit in enumerate(fits) if fit >= FITS),
        key=lambda number: fits[number] + _share(weights, passages[number].title) - LATER * number,
    )
    chosen = _chosen(weights, passages[best], wanted)
    return _spoken(chosen) if chosen else None


def _weights(question: str, passages: Sequence[Passage]) -> dict[str, float]:
    """What each word of the question weighs: one that few passages hold tells more."""
    texts = [set(stems(f"{passage.title} {passage.text}")) for passage in passages]
    return {word: math.log(2 + len(texts) / (1 + sum(word in text for text in texts))) for word in set(stems(question))}


def _share(weights: Mapping[str, float], text: str) -> float:
    """The share of the question that a text holds, from 0 to 1."""
    held = set(stems(text))
    return sum(weight for word, weight in weights.items() if word in held) / sum(weights.values()) if weights else 0.0


def _fit(weights: Mapping[str, float], passage: Passage) -> float:
    return _share(weights, f"{passage.title} {passage.text}")


def _chosen(weights: Mapping[str, float], passage: Passage, wanted: re.Pattern[str] | None) -> list[str]:
    """The sentences from the one that fits best onwards, as many as an answer takes, all under one heading."""
    said = plain_sentences(passage.text)
    if not said:
        return []
    title = set(stems(passage.title))

    def fit(place: int) -> float:
        own, heading = set(stems(said[place].text)), set(stems(said[place].heading))
        counted = (
            1.0 if word in own else IN_TITLE if word in title else IN_HEADING if word in heading else 0.0
            for word in weights
        )
        figure = sum(weights.values()) if wanted is not None and wanted.search(said[place].text) else 0.0
        words = sum(factor * weight for factor, weight in zip(counted, weights.values(), strict=True))
        return words + figure - LATER * place

    start = max(range(len(said)), key=fit)
    if start and LEANS.match(said[start].text) and said[start - 1].heading == said[start].heading:
        start -= 1
    chosen: list[str] = []
    for sentence in said[start : start + MOST_SENTENCES]:
        too_long = sum(len(one.split()) for one in [*chosen, sentence.text]) > MOST_WORDS
        if chosen and (too_long or sentence.heading != said[start].heading):
            break
        chosen.append(sentence.text)
    return chosen[:-1] if len(chosen) > 1 and chosen[-1].endswith(":") else chosen


def plain_sentences(text: str) -> list[Sentence]:
    """The sentences of a Markdown or HTML text.

    List items and rows of tables are sentences of their own, headings only mark what follows, code is not for the ear.
    """
    said: list[Sentence] = []
    paragraph: list[str] = []
    heading = ""
    for line in [*text.splitlines(), ""]:
        marks = (LIST_MARK, HEADING, TABLE_ROW, CODE_LINE)
        stands_alone = any(mark.match(line) for mark in marks) or not line.strip()
        if stands_alone:
            said += [Sentence(sentence, heading) for sentence in sentences(_clean(" ".join(paragraph)))]
            paragraph = []
        if HEADING.match(line):
            heading = HEADING.sub("", line).strip()
        elif TABLE_RULE.match(line):
            del said[-1:]  # the row above it names the columns
        elif TABLE_ROW.match(line):
            said.append(
                Sentence(_clean(": ".join(cell.strip() for cell in line.strip().strip("|").split("|"))), heading)
            )
        elif line.strip() and not CODE_LINE.match(line):
            paragraph.append(LIST_MARK.sub("", line).strip())
    return [sentence for sentence in said if sentence.text]


def _clean(text: str) -> str:
    for pattern, replacement in MARKUP:
        text = pattern.sub(replacement, text)
    return re.sub(r"\s+", " ", text).replace("|", " ").strip(" -")


def _spoken(chosen: Sequence[str]) -> str:
    whole = (sentence if sentence[-1] in ".!?" else sentence.rstrip(":;,") + "." for sentence in chosen)
    return " ".join(sentence[0].upper() + sentence[1:] for sentence in whole)
