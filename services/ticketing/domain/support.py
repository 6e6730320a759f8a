"""Does a text say only what was heard? Addresses, links and numbers of a model's summary against the conversation.

A model may phrase as it likes; a number or an address that nobody said is an invention, and its sentence goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from services.ticketing.domain.extract import sentences_of

_EMAIL = re.compile(r"[\w.+'%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}")
_LINK = re.compile(
    r"(?:https?://|www\.)[^\s<>\"')]+|\b[\w-]{1,63}\.(?:com|org|net|io|co|example|test|de|fr|eu|uk)\b[^\s<>\"')]*",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d(?:[\d.,:/ -]*\d)?")
_WORD = re.compile(r"[a-z]+", re.IGNORECASE)

_UNITS = {
    word: value
    for value, word in enumerate(
        [
            *(
                "zero",
                "one",
                "two",
                "three",
                "four",
                "five",
                "six",
                "seven",
                "eight",
                "nine",
                "ten",
                "eleven",
                "twelve",
            ),
            *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
        ]
    )
} | {"oh": 0}
_TENS = {
    word: value * 10
    for value, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_ORDINALS = {
    word: value
    for value, word in enumerate(
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"], start=1
    )
} | {"eleventh": 11, "twelfth": 12, "fifteenth": 15, "twentieth": 20, "thirtieth": 30}
_SMALL = {"0", "1", "2"}
"""Numbers that phrasing produces by itself ("2 questions"); they claim nothing."""


def supported(text: str, heard: str) -> str:
    """`text` without the sentences that name an address, a link or a number which does not occur in `heard`."""
    known_numbers = set(numbers_in(heard))
    known_digits = "".join(character for character in heard if character.isdigit())
    said = heard.casefold()
    kept = []
    for sentence in sentences_of(text):
        names = [found.rstrip(".,;").casefold() for found in (*_EMAIL.findall(sentence), *_LINK.findall(sentence))]
        numbers = [number for number in _written_numbers(sentence) if number not in _SMALL]
        if all(name in said for name in names) and all(
            number in known_numbers or (len(number) > 4 and number in known_digits) for number in numbers
        ):
            kept.append(sentence)
    return " ".join(kept)


def numbers_in(text: str) -> Iterator[str]:
    """Every number of `text` as plain digits, written or spoken: "10", "ten" and "two four" (24, and 2 and 4)."""
    yield from _written_numbers(text)
    run: list[str] = []
    for word in [*(found.casefold() for found in _WORD.findall(text)), ""]:
        if word in _UNITS or word in _TENS or word in _SCALES or word in _ORDINALS or (run and word == "and"):
            run.append(word)
        elif run:
            yield from _spoken(run)
            run = []


def _written_numbers(text: str) -> Iterator[str]:
    """Digits of each written number, whole and by its parts: 12.50 is 1250, 12 and 50."""
    for found in _NUMBER.findall(text):
        parts = re.findall(r"\d+", found)
        yield from ("".join(parts), *parts) if len(parts) > 1 else parts


def _spoken(run: list[str]) -> Iterator[str]:
    """The readings of a run of number words: as one number, as digits in a row, and each word alone."""
    words = [word for word in run if word != "and"]
    if not words:
        return
    yield str(_cardinal(words))
    values = [str(_value(word)) for word in words]
    yield from values
    yield "".join(values)
    yield from _pairs(words)


def _value(word: str) -> int:
    return next(table[word] for table in (_UNITS, _TENS, _SCALES, _ORDINALS) if word in table)


def _cardinal(words: list[str]) -> int:
    total = current = 0
    for word in words:
        if word in _SCALES:
            current = max(current, 1) * _SCALES[word]
            if _SCALES[word] >= 1000:
                total, current = total + current, 0
        else:
            current += _value(word)
    return total + current


def _pairs(words: list[str]) -> Iterator[str]:
    """Times and years said in pairs: "seven thirty" is 730, "twenty twenty six" is 2026, "twenty six" is 26."""
    groups: list[str] = []
    for word in words:
        if groups and groups[-1] in _TENS and word in _UNITS and 0 < _UNITS[word] < 10:
            groups[-1] = str(_TENS[groups[-1]] + _UNITS[word])
        else:
            groups.append(word)
    values = [group if group.isdigit() else str(_value(group)) for group in groups]
    yield from values
    yield "".join(values)
