"""What a caller changes in an address that was read back to them: "no, b as in bravo", "it's smyth with a y"."""

from __future__ import annotations

import re

from shared.conversation.understanding.domains import PROVIDERS, TOP_LEVEL
from shared.conversation.understanding.email_address import (
    Completeness,
    hear_email,
    is_address,
    with_spelling,
)
from shared.conversation.understanding.symbols import SEPARATORS, Kind, Symbol, symbols
from shared.conversation.understanding.words import SpellingWords

SOUND_ALIKE = ("bpdtgvcz3", "bpdtgvcz3e", "mn", "fsx", "akjh8", "iy", "quw2", "lr", "o0")
"""Letters and digits that a telephone line does not tell apart, the likeliest mistakes first."""

_LETTER = r"(?:(?:an?|<a>) )?<([a-z0-9])>"
_SIGN = r"\((.)\)"


def correct_email(address: str, said: str, words: SpellingWords) -> str | None:
    """`address` as the caller wants it, or None when `said` holds no correction that can be understood.

    The result may equal `address`: the caller repeated it.
    """
    found = symbols(said, words)
    heard = hear_email(said, words)
    if heard.completeness is Completeness.COMPLETE:
        return heard.address
    told = _told(found)
    for correction in (_domain, _letters_for_letters, _signs, _doubles, _spelling, _word, _lone_letter):
        if (corrected := correction(address, found, told, words)) is not None:
            return corrected if is_address(corrected) else None
    return None


def _told(found: list[Symbol]) -> str:
    """The symbols as one line that patterns can be written for: `= <d> not <t>`, `without (.)`."""
    return " ".join(_shown(symbol) for symbol in found)


def _shown(symbol: Symbol) -> str:
    match symbol.kind:
        case Kind.TEXT if symbol.spelled and len(symbol.text) == 1:
            return f"<{symbol.text}>"
        case Kind.TEXT:
            return symbol.text
        case Kind.RESTART:
            return "!"
        case Kind.LEAD | Kind.SPELLS:
            return "="
        case _:
            return f"({symbol.kind.value})"


def _alternatives(phrases: frozenset[str]) -> str:
    return "|".join(sorted(map(re.escape, phrases), key=len, reverse=True))


def _domain(address: str, found: list[Symbol], told: str, words: SpellingWords) -> str | None:
    """Another domain: `at hotmail dot com`, `it's outlook`, `dot org`."""
    local = address.partition("@")[0]
    if "(@)" in told:
        heard = hear_email(f"{local}@" + "".join(_written(symbol) for symbol in _after_at(found)), words)
        return heard.address
    previous = ""
    for symbol in found:
        if symbol.kind is Kind.TEXT and symbol.text in PROVIDERS and previous != words.negation:
            return f"{local}@{PROVIDERS[symbol.text]}"
        previous = symbol.text
    ending = re.search(rf"(?<!{words.negation} )\(\.\) (\w+)(?: \(\.\) (\w+))?", told)
    if ending and ending[1] in TOP_LEVEL and not re.search(r"<\w> <\w> <\w>", told):
        name = address.partition("@")[2].partition(".")[0]
        return f"{local}@{name}." + ".".join(part for part in ending.groups() if part)
    return None


def _after_at(found: list[Symbol]) -> list[Symbol]:
    last = max(position for position, symbol in enumerate(found) if symbol.kind is Kind.AT)
    return found[last + 1 :]


def _written(symbol: Symbol) -> str:
    if symbol.kind is Kind.TEXT:
        return symbol.text
    return symbol.kind.value if symbol.kind in SEPARATORS else " "


def _letters_for_letters(address: str, _: list[Symbol], told: str, words: SpellingWords) -> str | None:
    """`d not t`, `not t but d`, `d instead of t`, `the third letter is a d`."""
    negation, instead = words.negation, _alternatives(words.instead)
    right_wrong = re.search(rf"{_LETTER}(?: \w+)? (?:{negation}|{instead}) (?:= )?{_LETTER}", told)
    if right_wrong:
        return _replaced(address, wrong=right_wrong[2], right=right_wrong[1])
    wrong_right = re.search(rf"{negation} {_LETTER} (?:\w+ |= |! )*?{_LETTER}", told)
    if wrong_right:
        return _replaced(address, wrong=wrong_right[1], right=wrong_right[2])
    placed = re.search(rf"\b({'|'.join(words.ordinals)}) (?:\w+ )?(?:= |\w+ )?(?:= )?{_LETTER}", told)
    if placed:
        return _at_place(address, words.ordinals[placed[1]], placed[2])
    return None


def _replaced(address: str, *, wrong: str, right: str) -> str | None:
    """`address` with its only `wrong` letter changed; None when there is no such letter or more than one."""
    local, at, domain = address.partition("@")
    if local.count(wrong) == 1:
        return local.replace(wrong, right) + at + domain
    if wrong not in local and domain.partition(".")[0].count(wrong) == 1:
        return local + at + domain.replace(wrong, right, 1)
    return None


def _at_place(address: str, ordinal: int, letter: str) -> str | None:
    local, at, domain = address.partition("@")
    places = [position for position, character in enumerate(local) if character.isalnum()]
    index = ordinal if ordinal < 0 else ordinal - 1
    if index >= len(places):
        return None
    place = places[index]
    return local[:place] + letter + local[place + 1 :] + at + domain


def _signs(address: str, _: list[Symbol], told: str, words: SpellingWords) -> str | None:
    """`without the dot`, `underscore not dash`, `a dot between jane and doe`."""
    local, at, domain = address.partition("@")
    swap = re.search(rf"{_SIGN} (?:{words.negation}|{_alternatives(words.instead)}) (?:an? |<a> )?{_SIGN}", told)
    if swap:
        return local.replace(swap[2], swap[1]) + at + domain if swap[2] in local else None
    between = re.search(rf"{_SIGN} {words.between} (\w+) (\w+)", told)
    if between and (between[2] + between[3]) in local:
        return local.replace(between[2] + between[3], between[2] + between[1] + between[3], 1) + at + domain
    gone = re.search(rf"(?:{_alternatives(words.without)}|(?:\w|=) !|^!) {_SIGN}(?!.*\w)", told)
    if gone:
        return local.replace(gone[1], "") + at + domain if gone[1] in local else None
    lone = re.fullmatch(rf"(?:! |= |\w+ )*{_SIGN}", told)
    others = [sign for sign in "._-+" if sign in local]
    if lone and lone[1] != "@" and len(others) == 1 and lone[1] != others[0]:
        return local.replace(others[0], lone[1]) + at + domain
    return None


def _doubles(address: str, found: list[Symbol], told: str, words: SpellingWords) -> str | None:
    """`double l`, `with two n's`, `only one t`."""
    local, at, domain = address.partition("@")
    twice = [symbol.text[0] for symbol in found if _is_double(symbol)] or re.findall(r"<2> ([a-z])s\b", told)
    if twice and not re.search(r"<\w> <\w>", told):
        singles = re.findall(rf"(?<!{twice[0]}){twice[0]}(?!{twice[0]})", local)
        return (
            re.sub(rf"(?<!{twice[0]}){twice[0]}(?!{twice[0]})", twice[0] * 2, local) + at + domain
            if len(singles) == 1
            else None
        )
    once = re.search(rf"(?:<1>|{_alternatives(words.single)}) <([a-z])>", told)
    if once and once[1] * 2 in local:
        return local.replace(once[1] * 2, once[1], 1) + at + domain
    return None


def _is_double(symbol: Symbol) -> bool:
    return symbol.kind is Kind.TEXT and symbol.spelled and len(symbol.text) == 2 and symbol.text[0] == symbol.text[1]


def _spelling(address: str, found: list[Symbol], _: str, __: SpellingWords) -> str | None:
    """A part spelled again. What sounds like no part of the address is taken for the whole name before the at sign."""
    runs: list[list[Symbol]] = [[]]
    for symbol in found:
        if symbol.is_letter or (symbol.kind in SEPARATORS and runs[-1]):
            runs[-1].append(symbol)
        elif runs[-1]:
            runs.append([])
    run = max(runs, key=len)
    while run and run[-1].kind in SEPARATORS:
        run = run[:-1]
    spelling = "".join(_written(symbol) for symbol in run)
    if sum(symbol.is_letter for symbol in run) < 2:
        return None
    if any(symbol.kind in SEPARATORS for symbol in run):
        return f"{spelling}@{address.partition('@')[2]}"
    if (corrected := with_spelling(address, spelling)) is not None:
        return corrected
    return f"{spelling}@{address.partition('@')[2]}" if len(run) >= 3 and not spelling.isdigit() else None


def _word(address: str, found: list[Symbol], told: str, words: SpellingWords) -> str | None:
    """`it's jon, not john`, or one word that sounds like a part of the address."""
    local, at, domain = address.partition("@")
    named = re.search(rf"(\w+) {words.negation} (\w+)", told)
    if named and named[2] in local:
        return local.replace(named[2], named[1], 1) + at + domain
    for symbol in found:
        if symbol.kind is not Kind.TEXT or symbol.is_letter or len(symbol.text) < 3:
            continue
        corrected = with_spelling(address, symbol.text, likeness=0.7)
        if corrected and corrected != address:
            return corrected
    return None


def _lone_letter(address: str, found: list[Symbol], _: str, __: SpellingWords) -> str | None:
    """One letter: it replaces the only one in the address that sounds like it."""
    letters = [symbol.text for symbol in found if symbol.kind is Kind.TEXT and symbol.spelled]
    if len(letters) == 2 and letters[0] == "a":
        letters = letters[1:]
    if len(letters) != 1 or len(letters[0]) != 1:
        return None
    letter = letters[0]
    local, at, domain = address.partition("@")
    for group in (group for group in SOUND_ALIKE if letter in group):
        places = [position for position, character in enumerate(local) if character in group and character != letter]
        if len(places) == 1:
            return local[: places[0]] + letter + local[places[0] + 1 :] + at + domain
        if places:
            break
    return None
