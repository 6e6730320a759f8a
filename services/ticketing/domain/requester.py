"""Whose ticket it is: matching people exactly, never nearly. A ticket with a stranger is worse than a new contact."""

from __future__ import annotations

from dataclasses import dataclass

from services.ticketing.domain.conversation import Caller

SHORTEST_NATIONAL = 7
LONGEST_COUNTRY_CODE = 3
UNKNOWN_CALLER = "Caller with withheld number"
"""One contact per help desk for calls that give us neither a number nor an address."""


@dataclass(frozen=True, slots=True)
class Person:
    """What the help desk needs to know of a requester."""

    full_name: str
    email: str | None
    """Confirmed by the caller."""
    phone: str | None
    """E.164."""


def person_of(caller: Caller) -> Person:
    """The requester of a caller's ticket. An address that was not confirmed may be somebody else's and is left out."""
    if caller.number is None and caller.confirmed_email is None:
        return Person(UNKNOWN_CALLER, None, None)
    name = (caller.name or "").strip()
    return Person(name or f"Caller {caller.number or caller.confirmed_email}", caller.confirmed_email, caller.number)


def same_address(one: str, other: str) -> bool:
    """Whether two e-mail addresses are the same mailbox, as help desks see it."""
    return one.strip().casefold() == other.strip().casefold()


def same_number(one: str, other: str) -> bool:
    """Whether two telephone numbers are the same line.

    Help desks keep numbers as they were typed: with spaces, brackets, an international prefix or none. `one` is E.164;
    a number without its country counts as the same only when everything else of it agrees.
    """
    ours, theirs = _digits(one), _digits(other)
    if other.strip().startswith("+") or theirs.startswith("00"):
        return bool(theirs) and ours == theirs.removeprefix("00")
    national = theirs.lstrip("0")
    missing = len(ours) - len(national)
    return len(national) >= SHORTEST_NATIONAL and ours.endswith(national) and missing <= LONGEST_COUNTRY_CODE


def _digits(number: str) -> str:
    return "".join(character for character in number if character.isdigit())
