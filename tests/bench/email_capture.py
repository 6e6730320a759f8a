"""How well e-mail addresses are understood: `python -m tests.bench.email_capture [--data FOLDER]`.

Three kinds of input: other people's test cases (NeMo, Duckling), real addresses said in eight ways, and what a
recogniser really heard when callers spelled (EVI). Last, whole dictations by a caller who corrects what was misheard.
"""

# ruff: noqa: T201  (a report on standard output)

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import statistics
from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from shared.clock import SystemClock
from shared.contracts.agents import AgentProfile
from shared.contracts.conversations import EmailPolicy, TicketPolicy
from shared.contracts.knowledge import SearchAnswer
from shared.conversation.alphabet import WORD_OF_LETTER
from shared.conversation.assistant import Assistant
from shared.conversation.ports import Expectation, NextStep
from shared.conversation.state import Phase
from shared.conversation.understanding.corrections import SOUND_ALIKE
from shared.conversation.understanding.email_address import hear_email
from shared.conversation.understanding.languages import words_of
from shared.conversation.understanding.symbols import Kind, symbols

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
WORDS = words_of("en").spelling
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SIGNS = {".": "dot", "_": "underscore", "-": "dash", "+": "plus"}
ENGLISH = ("en", "any", "hi_en")
SPELLED_ATTEMPT = 2
"""Names were said as words before."""
MISHEARD = (0.0, 0.02, 0.05)
"""Share of letters that the recogniser takes for one that sounds alike."""


def rows(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def report(name: str, right: int, of: int, note: str = "") -> None:
    print(f"{name:<58} {right:>5} / {of:<5} {right / of if of else 0:7.1%}  {note}")


def others_cases(data: Path) -> None:
    """Exact match of the written form, case-blind; and false alarms where there is no address."""
    cases = [
        (row["spoken"], row["written"])
        for row in rows(data / "spoken_contact" / "nemo_pairs.jsonl")
        if row["kind"] == "email" and row["lang"] in ENGLISH
    ]
    report("NeMo, English", sum(_heard(said) == written.lower() for said, written in cases), len(cases))
    duckling = [
        (row["text"], row["value"])
        for row in rows(data / "spoken_contact" / "duckling.jsonl")
        if row["kind"] == "email" and row["lang"] in ENGLISH
    ]
    there = [(said, value) for said, value in duckling if value is not None]
    report("Duckling, English", sum(_heard(said) == value.lower() for said, value in there), len(there))
    nothing = [said for said, value in duckling if value is None]
    report("Duckling, no address there: none heard", sum(_heard(said) is None for said in nothing), len(nothing))


def _heard(said: str) -> str | None:
    return hear_email(said, WORDS).address


def _natural(address: str) -> str:
    pieces = re.findall(r"[a-z]+|[0-9]|[@._+-]", address)
    return " ".join(_piece(piece) for piece in pieces)


def _piece(piece: str) -> str:
    if piece == "@":
        return "at"
    return DIGITS[int(piece)] if piece.isdigit() else SIGNS.get(piece, piece)


def _letters(address: str, letter: Callable[[str], str] = str, between: str = " ") -> str:
    local, _, domain = address.partition("@")
    said = between.join(letter(character) if character.isalpha() else _piece(character) for character in local)
    return f"{said}{between}at {domain.replace('.', ' dot ')}"


def _ways(chance: random.Random) -> dict[str, Callable[[str], str]]:
    return {
        "in words": _natural,
        "in words, with talk around it": lambda address: f"Sure, um, my email is {_natural(address)}, thanks.",
        "already written by the recogniser": lambda address: f"It's {address.capitalize()}.",
        "spelled": _letters,
        "spelled, with commas": lambda address: f"It's {_letters(address, str.upper, ', ')}.",
        "spelled in the alphabet": lambda address: _letters(address, lambda letter: WORD_OF_LETTER[letter].lower()),
        "spelled, some letters explained": lambda address: _letters(
            address,
            lambda letter: f"{letter} as in {WORD_OF_LETTER[letter].lower()}" if chance.random() < 0.4 else letter,
        ),
        "in words, then spelled": lambda address: (
            f"yes it's {_natural(address.partition('@')[0])}, that is {_letters(address)}"
        ),
    }


def customers(data: Path) -> list[str]:
    return [row["email"] for row in rows(data / "spoken_contact" / "tau2_customers.jsonl")]


def real_addresses(data: Path) -> None:
    addresses = customers(data)
    for name, say in _ways(random.Random(1)).items():
        report(f"tau2 customers, {name}", sum(_heard(say(one)) == one for one in addresses), len(addresses))


def spelled_on_the_telephone(data: Path) -> None:
    """EVI: postcodes and names as a recogniser heard them, three attempts each. No e-mails, but the same letters."""
    attempts: dict[tuple[str, str], dict[tuple[str, str], list[bool]]] = {}
    plain: dict[tuple[str, str], list[bool]] = {}
    for row in rows(data / "evi_heard" / "en.jsonl"):
        if row["item"] == "dob" or (row["item"] == "name" and row["attempt"] != SPELLED_ATTEMPT):
            continue
        gold = re.sub(r"[^a-z0-9]", "", row["gold"].lower())
        decoded = "".join(symbol.text for symbol in symbols(row["heard"], WORDS) if symbol.kind is Kind.TEXT)
        kind = (row["item"], row["spelling_style"])
        attempts.setdefault(kind, {}).setdefault((row["dialogue"], row["gold"]), []).append(decoded == gold)
        plain.setdefault(kind, []).append(re.sub(r"[^a-z0-9]", "", row["heard"].lower()) == gold)
    for (item, style), dialogues in attempts.items():
        tries = [right for one in dialogues.values() for right in one]
        raw = plain[item, style]
        note = f"letters as written: {sum(raw) / len(raw):.1%}"
        report(f"EVI {item}, {style}, each attempt", sum(tries), len(tries), note)
        if item == "postcode":
            report(f"EVI {item}, {style}, within three", sum(map(any, dialogues.values())), len(dialogues))


class Nothing:
    """A knowledge base that is not needed here."""

    async def search(self, query: str) -> SearchAnswer:
        raise AssertionError(f"nobody asks anything here, but a search was made ({len(query)} characters)")


PROFILE = AgentProfile(
    id=UUID(int=1), name="Bench", company="Bench", language="en", voice="none", greeting="Hello.", instructions="",
    tone="brief", knowledge_collection="default", tools=("search_knowledge", "open_ticket", "end_call"),
    ticket_policy=TicketPolicy.EVERY_CONVERSATION, email_policy=EmailPolicy.ALWAYS, transfer_number=None,
)  # fmt: skip


@dataclass(frozen=True)
class Dictation:
    """How one came out."""

    right: bool
    wrong: bool
    """An address was confirmed that is not the caller's."""
    turns: int


async def dictate(address: str, misheard: float, chance: random.Random) -> Dictation:
    """A call whose caller wants a call back, and gives and corrects an address through a bad line."""
    assistant = Assistant(PROFILE, Nothing(), None, SystemClock())
    await _hear_all(assistant, assistant.open())
    for line in ("can somebody call me back please", "no that's all"):
        await _hear_all(assistant, assistant.reply_to(line))
    turns = 0
    say = chance.choice((_natural, _letters))
    while assistant.state.phase is Phase.CONTACT:
        turns += 1
        if assistant.expects is Expectation.EMAIL:
            line = (
                say(address)
                if turns == 1
                else _letters(address, lambda letter: f"{letter} as in {WORD_OF_LETTER[letter]}")
            )
        else:
            line = _answer_to(assistant.state.email.candidate or "", address)
        if (
            await _hear_all(assistant, assistant.reply_to(_through_the_line(line, misheard, chance)))
            is NextStep.HANG_UP
        ):
            break
    confirmed = assistant.state.email.confirmed
    return Dictation(confirmed == address, confirmed not in (None, address), turns)


def _answer_to(candidate: str, address: str) -> str:
    """What a caller says about the address that was read to them."""
    if candidate == address:
        return "yes that's right"
    differing = [place for place, (one, other) in enumerate(zip(candidate, address, strict=False)) if one != other]
    local = address.partition("@")[0]
    if len(candidate) == len(address) and len(differing) == 1 and differing[0] < len(local):
        right = address[differing[0]]
        if right.isalpha():
            return f"no, {right} as in {WORD_OF_LETTER[right].lower()}"
    return f"no, it's {_letters(address)}"


def _through_the_line(line: str, misheard: float, chance: random.Random) -> str:
    """Some single letters become others that sound alike; words survive, as they do with recognisers."""

    def letter(found: re.Match[str]) -> str:
        group = next((group for group in SOUND_ALIKE if found.group() in group), "")
        others = [other for other in group if other != found.group() and other.isalpha()]
        return chance.choice(others) if others and chance.random() < misheard else found.group()

    return re.sub(r"\b[a-z]\b", letter, line)


async def _hear_all(assistant: Assistant, reply: Any) -> NextStep:
    async with aclosing(aiter(reply)) as sentences:
        heard = " ".join([sentence.text async for sentence in sentences])
    return assistant.commit(reply, heard, complete=True)


async def dictations(data: Path) -> None:
    addresses = customers(data)
    for misheard in MISHEARD:
        chance = random.Random(2)
        results = [await dictate(address, misheard, chance) for address in addresses]
        turns = statistics.median(result.turns for result in results)
        wrong = sum(result.wrong for result in results)
        report(
            f"dictation with {misheard:.0%} of letters misheard",
            sum(result.right for result in results),
            len(results),
            f"median {turns:g} turns, {wrong} confirmed wrong",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    data = parser.parse_args().data
    others_cases(data)
    real_addresses(data)
    spelled_on_the_telephone(data)
    asyncio.run(dictations(data))


if __name__ == "__main__":
    main()
