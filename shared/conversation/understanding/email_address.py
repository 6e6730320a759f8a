"""An e-mail address out of what a recogniser wrote: spoken, spelled, corrected in one breath, or already written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from shared.conversation.understanding.domains import COUNTRIES, PROVIDERS, SECOND_LEVEL, TOP_LEVEL
from shared.conversation.understanding.symbols import SEPARATORS, Kind, Symbol, symbols
from shared.conversation.understanding.words import SpellingWords

LONGEST_LOCAL = 64
LONGEST_ADDRESS = 254
"""RFC 5321, sections 4.5.3.1.1 and 4.5.3.1.3 (a path of 256 less its brackets)."""
_LOCAL = re.compile(r"^[a-z0-9](?:[a-z0-9._%+-]*[a-z0-9_+-])?$")
_LABEL = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")
_TOP = re.compile(r"^(?:[a-z]{2,63}|xn--[a-z0-9-]{2,59})$")
LEAST = 0.5
"""Likeness below which two words have nothing to do with each other."""
ALIKE = 0.6
"""Likeness from which a spelling is taken to be that of the word before it."""
MOST_FREE_WORDS = 3
"""Words without any sign of an address that may still be the beginning of one, as in "jane doe"."""


class Completeness(StrEnum):
    """How much of an address was heard."""

    NOTHING = "nothing"
    PARTIAL = "partial"
    """A part of one; the rest may follow."""
    COMPLETE = "complete"
    IMPOSSIBLE = "impossible"
    """It was said as a whole and cannot be an address."""


@dataclass(frozen=True, slots=True)
class HeardEmail:
    """What was understood."""

    completeness: Completeness
    address: str | None = None
    """Lower case; only when complete."""
    spelled: bool = False
    """The caller said letters, not words."""
    may_go_on: bool = False
    """Complete as it stands, but the end was not said: "jane at gmail", "… dot co"."""


NOTHING = HeardEmail(Completeness.NOTHING)


def is_address(text: str) -> bool:
    """Whether `text` can be an e-mail address of the kind people have: no quotes, no address literals."""
    local, at, domain = text.lower().rpartition("@")
    labels = domain.split(".")
    return (
        bool(at)
        and len(text) <= LONGEST_ADDRESS
        and len(local) <= LONGEST_LOCAL
        and _LOCAL.match(local) is not None
        and ".." not in local
        and len(labels) >= 2
        and all(_LABEL.match(label) for label in labels)
        and _TOP.match(labels[-1]) is not None
    )


def hear_email(text: str, words: SpellingWords) -> HeardEmail:
    """The address said in `text`, the last one when there are several."""
    found = symbols(text, words)
    signs = [position for position, symbol in enumerate(found) if symbol.kind is Kind.AT]
    impossible = False
    for position in reversed(signs):
        domain = _domain(found[position + 1 :], words)
        local = _local(found[:position])
        if not domain.text or not local.text:
            impossible = impossible or (domain.broken and bool(local.text))
            continue
        address = f"{local.text}@{domain.text}"
        if domain.ended and is_address(address):
            rest = found[position + 1 + domain.length :]
            return _respelled(HeardEmail(Completeness.COMPLETE, address, local.spelled, domain.may_go_on), rest)
        impossible = impossible or domain.ended or domain.broken
    if impossible:
        return HeardEmail(Completeness.IMPOSSIBLE)
    return HeardEmail(Completeness.PARTIAL) if _is_partial(found, has_at=bool(signs)) else NOTHING


def is_end_of_address(text: str, words: SpellingWords) -> bool:
    """Whether this is an address without its beginning, `at example dot org`: nothing more will follow."""
    found = symbols(text, words)
    after_at = bool(found) and found[0].kind is Kind.AT
    domain = _domain(found[after_at:], words)
    _, dot, top = domain.text.rpartition(".")
    return bool(dot) and domain.ended and not domain.named and (after_at or top in ("com", "net", "org"))


def _is_partial(found: list[Symbol], *, has_at: bool) -> bool:
    """Whether words without a whole address can be a piece of one."""
    texts = [symbol for symbol in found if symbol.kind is Kind.TEXT]
    if has_at:
        return len(texts) <= 40
    if not texts:
        return any(symbol.kind in SEPARATORS for symbol in found)
    return (
        sum(symbol.is_letter or symbol.written for symbol in texts) * 2 >= len(texts)
        or (any(symbol.kind in SEPARATORS for symbol in found) and len(texts) <= 2 * MOST_FREE_WORDS)
        or len(texts) <= MOST_FREE_WORDS
    )


@dataclass(frozen=True, slots=True)
class _Local:
    text: str
    spelled: bool


def _local(before: list[Symbol]) -> _Local:
    """The part before the at sign: what was said since the address began, with corrections on the way."""
    start = max((at for at, symbol in enumerate(before) if symbol.kind in (Kind.AT, Kind.LEAD)), default=-1) + 1
    segment = before[start:]
    segment = _after_restarts(segment)
    segment = _after_spelling(segment)
    while segment and segment[0].kind in SEPARATORS:
        segment = segment[1:]
    text = "".join(_piece(symbol) for symbol in segment)
    return _Local(text, sum(symbol.is_letter and symbol.text.isalpha() for symbol in segment) >= 2)


def _piece(symbol: Symbol) -> str:
    return symbol.text if symbol.kind is Kind.TEXT else symbol.kind.value if symbol.kind in SEPARATORS else ""


def _split(segment: list[Symbol], kind: Kind) -> list[list[Symbol]]:
    parts: list[list[Symbol]] = [[]]
    for symbol in segment:
        if symbol.kind is kind:
            parts.append([])
        else:
            parts[-1].append(symbol)
    return parts


def _after_restarts(segment: list[Symbol]) -> list[Symbol]:
    """What is left when each "no, sorry" has taken back what it meant."""
    said, *again = _split(segment, Kind.RESTART)
    for part in again:
        said = _amended(said, part)
    return said


def _amended(said: list[Symbol], part: list[Symbol]) -> list[Symbol]:
    """`part` instead of the end of `said` when both are spelled and the part is short; else instead of all of it."""
    if not part:
        return said
    tail = len(said)
    while tail and said[tail - 1].is_letter:
        tail -= 1
    spelled = said[tail:]
    if not spelled or not all(symbol.is_letter for symbol in part) or len(part) > len(spelled):
        return part if any(symbol.kind is Kind.TEXT for symbol in part) else said
    same_start = [at for at, symbol in enumerate(spelled) if symbol.text == part[0].text]
    cut = same_start[-1] if same_start and len(part) > 1 else len(spelled) - len(part)
    return said[: tail + cut] + part


def _after_spelling(segment: list[Symbol]) -> list[Symbol]:
    """Words that were then spelled, in favour of the spelling: `smyth, s m y t h`."""
    result: list[Symbol] = []
    position = 0
    while position < len(segment):
        symbol = segment[position]
        if symbol.kind is Kind.SPELLS:
            position += 1
            continue
        end = position
        while end < len(segment) and segment[end].is_letter:
            end += 1
        run = segment[position:end]
        if len(run) >= 3:
            result = _without_echo(result, "".join(letter.text for letter in run)) + run
            position = end
        else:
            result.append(symbol)
            position += 1
    return result


def _without_echo(said: list[Symbol], spelling: str) -> list[Symbol]:
    """`said` without its last words when they sound like the `spelling` that follows."""
    word = ""
    best, cut = ALIKE, len(said)
    for start in range(len(said) - 1, -1, -1):
        if said[start].kind is not Kind.TEXT or said[start].is_letter:
            break
        word = said[start].text + word
        if (likeness := similar(word, spelling)) >= best:
            best, cut = likeness, start
    return said[:cut]


def similar(one: str, other: str) -> float:
    """From 0 (nothing in common, or less than half) to 1 (the same)."""
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    if matcher.real_quick_ratio() < LEAST or matcher.quick_ratio() < LEAST:
        return 0.0
    return matcher.ratio()


@dataclass(frozen=True, slots=True)
class _Domain:
    text: str
    ended: bool
    """A top level domain was heard, or the name of a provider."""
    length: int
    """Symbols it took."""
    broken: bool = False
    """Dots were heard, but no domain can look like this."""
    named: bool = False
    """Only a provider's name was heard, no ending."""

    @property
    def may_go_on(self) -> bool:
        """Whether its end was supplied by us, or is one that often has something behind it."""
        return self.named or self.text.endswith(".co")


def _domain(after: list[Symbol], words: SpellingWords) -> _Domain:
    """The part after the at sign, and where it ends."""
    labels: list[str] = []
    position = 0
    while position < len(after) and after[position].kind is Kind.LEAD:
        position += 1
    while position < len(after):
        run, end = _run(after, position)
        is_last = end >= len(after) or after[end].kind is not Kind.DOT
        if not run:
            return _Domain(".".join(labels), ended=False, length=end, broken=after[position].kind is Kind.DOT)
        if is_last:
            last = _without_dots(run, words) if not labels else _last_labels(run, words)
            labels += last.labels
            broken = len(labels) > 1 and not last.ended and not labels[-1].isalpha()
            return _Domain(".".join(labels), last.ended, position + last.length, broken, last.named)
        labels.append(_joined(run, words))
        position = end + 1
    return _Domain(".".join(labels), ended=False, length=position)


def _run(after: list[Symbol], start: int) -> tuple[list[Symbol], int]:
    """Texts and dashes from `start`, and where they end."""
    end = start
    while end < len(after) and after[end].kind in (Kind.TEXT, Kind.DASH):
        end += 1
    return after[start:end], end


def _joined(run: list[Symbol], words: SpellingWords) -> str:
    label = "".join(_piece(symbol) for symbol in run)
    return words.mishearings.get(label, label)


@dataclass(frozen=True, slots=True)
class _Ending:
    """The labels in the last run of a domain."""

    labels: list[str]
    length: int
    """Symbols they took."""
    ended: bool
    named: bool = False


def _last_labels(run: list[Symbol], words: SpellingWords) -> _Ending:
    """Where a domain ends after its last dot; what follows is talk."""
    for count in range(len(run), 0, -1):
        # "c o m": letters one by one, the longest ending that exists.
        label = _joined(run[:count], words)
        if label in TOP_LEVEL and (count == 1 or all(symbol.is_letter for symbol in run[:count])):
            return _with_country(label, run, count)
    letters = 0
    while letters < len(run) and run[letters].is_letter:
        letters += 1
    count = letters or 1
    label = _joined(run[:count], words)
    return _Ending([label], count, _TOP.match(label) is not None)


def _with_country(label: str, run: list[Symbol], count: int) -> _Ending:
    """`co uk`, said without the dot between."""
    if label in SECOND_LEVEL:
        for more in (1, 2):
            country = "".join(symbol.text for symbol in run[count : count + more])
            if country in COUNTRIES:
                return _Ending([label, country], count + more, ended=True)
    return _Ending([label], count, ended=True)


def _without_dots(run: list[Symbol], words: SpellingWords) -> _Ending:
    """A domain of which no dot was heard: a provider's name, or a name with its ending right behind it."""
    for count in range(1, len(run) + 1):
        name = _joined(run[:count], words)
        if name in PROVIDERS:
            ending = run[count].text if count < len(run) else ""
            if ending in TOP_LEVEL:
                return _Ending([name, ending], count + 1, ended=True)
            return _Ending(PROVIDERS[name].split("."), count, ended=True, named=True)
    for count in range(1, len(run)):
        if run[count].text in ("com", "net", "org"):
            return _Ending([_joined(run[:count], words), run[count].text], count + 1, ended=True)
    return _Ending([_joined(run, words)], len(run), ended=False)


def _respelled(heard: HeardEmail, rest: list[Symbol]) -> HeardEmail:
    """The address with a part of it replaced by its spelling, when that follows: `… that's j a y n e`."""
    run: list[Symbol] = []
    for symbol in rest:
        if symbol.is_letter:
            run.append(symbol)
        elif run:
            break
    spelling = "".join(symbol.text for symbol in run)
    if heard.address is None or len(run) < 3:
        return heard
    corrected = with_spelling(heard.address, spelling)
    return HeardEmail(Completeness.COMPLETE, corrected or heard.address, spelled=True)


def with_spelling(address: str, spelling: str, likeness: float = LEAST) -> str | None:
    """`address` with the part that `spelling` sounds like replaced by it, or None when it sounds like none.

    Digits replace digits: the only run of them before the at sign.
    """
    local, _, domain = address.partition("@")
    if spelling.isdigit():
        runs = re.findall(r"[0-9]+", local)
        return f"{local.replace(runs[0], spelling)}@{domain}" if len(runs) == 1 else None
    spans = [match.span() for form in (r"[a-z]+", r"[a-z0-9]+", r".+") for match in re.finditer(form, local)]
    name = re.match(r"[^.]+", domain)
    if name is not None:
        spans.append((len(local) + 1, len(local) + 1 + name.end()))
    start, end = max(spans, key=lambda span: similar(address[span[0] : span[1]], spelling))
    if similar(address[start:end], spelling) < likeness:
        return None
    corrected = address[:start] + spelling + address[end:]
    return corrected if is_address(corrected) else None
