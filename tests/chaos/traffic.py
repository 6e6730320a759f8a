"""Who calls, when, and how they behave: a pure function of the seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

LIVE_NUMBER, RELAY_NUMBER, MESSAGE_NUMBER = "+12025550199", "+12025550198", "+12025550197"
"""The company's numbers: media streams, relay sessions, and one whose callers leave a message when nobody can talk."""


class Kind(StrEnum):
    """Kinds of calls."""

    LIVE = "live"
    """Sound over a media stream, at the speed of the clock: the platform paces its speech by its own."""
    RELAY = "relay"
    """Text over a relay session, faster than the clock: only text goes over the socket, and the session reports what
    was spoken."""
    UNREACHED = "unreached"
    """Twilio finds no voice process; gateway and background work are all there is of the conversation."""
    SILENT = "silent"
    """Hangs up during the greeting: leaves no ticket."""
    FORGED = "forged"
    """Not signed by Twilio: leaves nothing at all."""


SPEEDS: Mapping[Kind, float] = {
    Kind.LIVE: 1.0,
    Kind.RELAY: 3.0,
    Kind.UNREACHED: 15.0,
    Kind.SILENT: 3.0,
    Kind.FORGED: 15.0,
}
LONGER: Mapping[Kind, float] = {Kind.LIVE: 15.0, Kind.RELAY: 5.0}
"""Seconds before the end of a run in which no such call begins: it takes that much longer than others."""
QUESTIONS = (
    "How do I restart my router?",
    "My wifi is very slow in the bedroom. What can I do about it?",
    "What does the orange light on my router mean?",
    "How do I change my wifi password?",
    "How do I set up parental controls?",
    "I want to change the date of my bill.",
    "I am moving house next month. What do I have to do?",
    "I have been waiting for an engineer since Monday and nobody came.",
    "Can I get a refund for the outage last week?",
    "Do you sell telephones for the garden?",
)
FIRST = "ana ben carl dora eva finn gina hugo iris jan kim lena max nora olga paul rosa sven tina uwe vera will yara zoe".split()  # fmt: skip  # noqa: E501, SIM905
LAST = "adler brook cole diaz east field grove hill ives jones klein lake moore north ohm park quinn reed stone turner usher vale wood young".split()  # fmt: skip  # noqa: E501, SIM905
DOMAINS = ("example.com", "example.org", "example.net", "example.edu", "mail.example.com", "mail.example.org")


@dataclass(frozen=True, slots=True)
class Planned:
    """One call."""

    index: int
    at_s: float
    """Seconds from the beginning of the run."""
    kind: Kind
    order: Mapping[str, Any]
    """What `POST /lab/calls` takes."""

    @property
    def speed(self) -> float:
        """How much faster than the clock it runs."""
        return SPEEDS[self.kind]


@dataclass(frozen=True, slots=True)
class Mix:
    """How many calls of each kind, and over how many seconds they begin."""

    counts: Mapping[Kind, int]
    seconds: float
    loses_status: bool = False
    """Whether the status report of a few calls never comes: such a call is closed by the sweep, a minute later."""


def plan(seed: int, mix: Mix) -> list[Planned]:
    """Every call of a run, in the order in which they begin."""
    chance = random.Random(f"{seed}:traffic")
    kinds = [kind for kind, count in mix.counts.items() for _ in range(count)]
    chance.shuffle(kinds)
    seconds = {kind: mix.seconds - LONGER.get(kind, 0.0) for kind in Kind}
    return sorted(
        (
            Planned(index, round(chance.uniform(0, seconds[kind]), 3), kind, _order(chance, index, kind, mix))
            for index, kind in enumerate(kinds)
        ),
        key=lambda one: one.at_s,
    )


def _order(chance: random.Random, index: int, kind: Kind, mix: Mix) -> Mapping[str, Any]:
    faults: dict[str, Any] = {"webhooks": _webhook_faults(chance, kind, mix)}
    if kind is Kind.UNREACHED:
        faults |= {"media": {"unreachable": True}, "relay": {"unreachable": True}}
    numbers = {Kind.LIVE: LIVE_NUMBER, Kind.UNREACHED: MESSAGE_NUMBER}
    return {
        "inline": _scenario(chance, index, kind),
        "to": numbers.get(kind, RELAY_NUMBER),
        "faults": faults,
        "speed": SPEEDS[kind],
    }


def _webhook_faults(chance: random.Random, kind: Kind, mix: Mix) -> dict[str, Any]:
    if kind is Kind.FORGED:
        return {"wrong_signature": True}
    drawn = chance.random()
    if drawn < 0.10:
        return {"repeats": 1 + int(drawn * 100) % 2}
    if drawn < 0.20:
        return {"status_repeats": 2}
    if drawn < 0.24:
        return {"status_delay_s": 3.0}
    return {"status_lost": True} if mix.loses_status and drawn < 0.26 else {}


def _scenario(chance: random.Random, index: int, kind: Kind) -> dict[str, Any]:
    first, last = FIRST[index % len(FIRST)], LAST[index // len(FIRST) % len(LAST)]
    domain = DOMAINS[index // (len(FIRST) * len(LAST)) % len(DOMAINS)]
    persona = {
        # numbers differ: a second call about an open problem would become a note on its case
        "number": f"+1415{2_000_000 + index}",
        "name": f"{first.title()} {last.title()}",
        "email": f"{first}.{last}@{domain}",
        "gives_email": chance.random() < 0.5,
    }
    asked = chance.sample(QUESTIONS, 2)
    scenario: dict[str, Any] = {"persona": persona, "longest_s": 150.0}
    match kind:
        case Kind.SILENT:
            return scenario | {"hangs_up": {"during": "greeting", "after_characters": 20}}
        case Kind.UNREACHED if chance.random() < 0.7:
            # gone before the end of the answer: somebody must call back all the same
            hangs_up = {"during": "answer", "question": 1, "after_characters": 15}
            return scenario | {"questions": [{"ask": asked[0]}], "hangs_up": hangs_up, "longest_s": 40.0}
        case Kind.UNREACHED:
            return scenario | {"questions": [{"ask": asked[0]}], "longest_s": 40.0}
        case Kind.FORGED:
            return scenario | {"questions": [{"ask": asked[0]}], "longest_s": 20.0}
        case _:
            return scenario | _talk(chance, asked)


def _talk(chance: random.Random, asked: list[str]) -> dict[str, Any]:
    drawn = chance.random()
    if drawn < 0.15:
        hangs_up = {"during": "answer", "question": 1, "after_characters": 40}
        return {"questions": [{"ask": asked[0]}], "hangs_up": hangs_up}
    if drawn < 0.30:
        return {"questions": [{"ask": asked[0], "interrupts_answer_after": 60}, {"ask": asked[1]}]}
    if drawn < 0.60:
        return {"questions": [{"ask": asked[0]}, {"ask": asked[1]}]}
    return {"questions": [{"ask": asked[0]}]}
