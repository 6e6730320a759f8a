"""Scenarios: who calls, what they want, and how they behave. Read from `scenarios/*.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

FOLDER = Path(__file__).parent / "scenarios"
EmailStyle = Literal["spoken", "spelled", "alphabet"]


class BadScenario(Exception):
    """A scenario that does not exist or cannot be read; the message says what is wrong."""


class Persona(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who calls."""

    number: str = "+12025550123"
    """E.164, or what a withheld number arrives as."""
    name: str = "Jane Doe"
    email: str = "jane.doe@example.com"
    gives_email: bool = True
    """False: they would rather not say."""
    email_style: EmailStyle = "spoken"
    """`spoken`: "jane dot doe at …"; `spelled`: "j a n e dot d o e at …"; `alphabet`: "j as in juliet, …"."""
    misspeaks_email_as: str | None = None
    """Said by mistake at first; they notice when it is read back to them."""
    patience_s: float = 10.0
    """Seconds of silence after which they ask whether anybody is there; the third time they hang up."""
    pause_s: float = 0.4
    """Seconds of silence after a question before they answer."""


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something they want to know or have done."""

    ask: str
    otherwise: str | None = None
    """The same in other words, when they are not understood or asked for more."""
    interrupts_answer_after: int | None = None
    """Characters of the answer after which they break in with what they want next."""


class HangUp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hanging up in the middle."""

    during: Literal["greeting", "question", "answer"]
    """While the greeting is heard, while they speak, or while the answer is heard."""
    question: int = 1
    """Which question, counted from 1; says nothing for the greeting."""
    after_characters: int = 10


class Keys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys they press instead of speaking."""

    keys: str
    after: Literal["greeting", "answer"] = "greeting"


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One simulated call."""

    name: str
    about: str = ""
    persona: Persona = Persona()
    questions: tuple[Question, ...] = ()
    speaks: bool = True
    """False: they never say a word."""
    talks_over_greeting: bool = False
    keys: Keys | None = None
    hangs_up: HangUp | None = None
    waits_for_hang_up_s: float = 5.0
    """Seconds they stay on the line after a goodbye."""
    longest_s: float = 240.0
    """Seconds after which they have had enough, whatever happens."""

    @classmethod
    def asking(cls, question: str, *follow_ups: str, persona: Persona | None = None) -> Scenario:
        """Somebody with plain questions."""
        questions = tuple(Question(ask=text) for text in (question, *follow_ups))
        return cls(name="question", about=question, questions=questions, persona=persona or Persona())


def names() -> list[str]:
    """The scenarios that come with the lab."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Scenario:
    """A scenario by its name. Raises BadScenario."""
    if name not in names():
        raise BadScenario(f"there is no scenario {name}; there are {', '.join(names())}")
    with (FOLDER / f"{name}.toml").open("rb") as file:
        return from_mapping({"name": name, **tomllib.load(file)})


def from_mapping(values: dict[str, Any]) -> Scenario:
    """A scenario from plain values. Raises BadScenario."""
    try:
        return msgspec.convert(values, Scenario)
    except msgspec.ValidationError as error:
        raise BadScenario(f"not a scenario: {error}") from error
