"""What the room needs from outside: its ledger, the record of conversations, and a help desk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from services.ticketing.domain.conversation import Conversation
from services.ticketing.domain.draft import Note, TicketDraft
from services.ticketing.domain.repeat import EarlierTicket
from services.ticketing.domain.requester import Person
from services.ticketing.domain.summary import Summary, VersionedSummary
from shared.errors import Busy, Permanent, Transient


class HeldElsewhere(Busy):
    """Another run works on this ticket; `retry_after` is what is left of its lease."""


class StillUnknown(Transient):
    """A create call was not answered, no case is to be seen yet, and it is too early for a second call."""


class LeaseLost(Transient):
    """This run was so slow that another one took the ticket over; nothing of it may be written any more."""


class DraftRefused(Permanent):
    """The help desk understood the ticket and refuses it; the detail names what it complains about.

    `optional_parts` is true when leaving out what a ticket can do without may help.
    """

    def __init__(self, detail: str, *, optional_parts: bool) -> None:
        super().__init__(detail)
        self.optional_parts = optional_parts


class RequesterGone(Permanent):
    """The help desk no longer knows the requester."""


class CaseGone(Permanent):
    """Somebody removed the case in the help desk: it is not made again."""


class Parked(Permanent):
    """A person must mend the cause and replay the ticket."""


@dataclass(frozen=True, slots=True)
class Case:
    """A case in the help desk."""

    id: int
    url: str | None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a ticket for a while. `fence` proves it at every write."""

    ticket_id: UUID
    conversation_id: UUID
    marker: str
    fence: int
    attempts: int
    """Create calls begun so far."""
    unanswered_s: float | None
    """Seconds since the last create call began, when nobody knows what became of it; None when all is known."""
    requester_id: int | None
    case: Case | None
    joined: bool
    """The case is that of an earlier call about the same problem."""
    may_join: bool
    """No create call was ever begun, and it was not taken off such a case before."""
    notes_sent: tuple[str, ...]
    summary_version: int
    """Version of the summary that the case shows; 0 before there is a case."""


@dataclass(frozen=True, slots=True)
class OpenedTicket:
    """A ticket whose case should stand."""

    ticket_id: UUID
    marker: str
    requester_id: int | None


class Ledger(Protocol):
    """The state of every ticket. Each method is one short transaction.

    Those that take a claim raise LeaseLost when another run has taken the ticket over meanwhile.
    """

    def claim(self, ticket_id: UUID) -> Claim | None:
        """The right to work on the ticket; None when nothing is left to do. Raises HeldElsewhere."""
        ...

    def claim_open(self, ticket_id: UUID) -> Claim | None:
        """The right to add to the ticket's case; None while it does not stand. Raises HeldElsewhere."""
        ...

    def found_requester(self, claim: Claim, requester_id: int) -> None:
        """Keep the requester before the case is made, so that a crash makes no second one."""
        ...

    def requester_gone(self, requester_id: int) -> None:
        """The help desk no longer knows this requester: no ticket of ours may name it again."""
        ...

    def begin_create(self, claim: Claim, subject: str) -> None:
        """A create call begins now; from here on its outcome is unknown until one of the next three is written."""
        ...

    def not_created(self, claim: Claim) -> None:
        """The call certainly made no case."""
        ...

    def unknown(self, claim: Claim) -> None:
        """The call was not answered."""
        ...

    def created(self, claim: Claim, case: Case) -> None:
        """The case stands; its notes may be missing."""
        ...

    def earlier_tickets(self, claim: Claim) -> Sequence[EarlierTicket]:
        """Open tickets of the same agent with the same caller's number or confirmed address, newest first.

        Only those that a repeat call may be added to by the agent's profile and by their age.
        """
        ...

    def joined(self, claim: Claim, earlier: EarlierTicket) -> None:
        """The conversation goes to the earlier ticket's case; its notes are missing yet."""
        ...

    def parted(self, claim: Claim) -> None:
        """The case it had joined takes nothing more: it gets one of its own."""
        ...

    def note_sent(self, claim: Claim, client_id: str) -> None:
        """This note stands on the case."""
        ...

    def opened(self, claim: Claim, summary_version: int) -> None:
        """Everything stands, with this version of the summary; ends the claim."""
        ...

    def park(self, claim: Claim, reason: str) -> None:
        """A person must mend the cause; ends the claim."""
        ...

    def release(self, claim: Claim) -> None:
        """Give the ticket back; does nothing when the claim has ended."""
        ...

    def requester_of_number(self, number: str) -> int | None:
        """The requester of the newest ticket of a caller with this number."""
        ...

    def requeue_stuck(self, still_for: timedelta) -> list[UUID]:
        """Queue again each unfinished ticket whose run died, or that nobody has touched for so long; their ids."""
        ...

    def requeue_unnoticed(self, markers: Iterable[str]) -> list[UUID]:
        """Queue again unfinished tickets with these markers that nobody works on or has queued; their ids."""
        ...

    def known_markers(self, markers: Iterable[str]) -> set[str]:
        """Those of the markers that are of a ticket of ours."""
        ...

    def opened_between(self, since: datetime, until: datetime) -> Sequence[OpenedTicket]:
        """Tickets that came to stand between these times, the newest first."""
        ...

    def case_ids(self, markers: Iterable[str]) -> dict[str, int]:
        """The case that each of these markers belongs to, as far as we know."""
        ...

    def move_to(self, marker: str, case: Case) -> None:
        """A ticket's case is another one than we thought: duplicates were merged into it.

        Repeat calls that had joined the ticket are queued again, so that their notes stand there too.
        """
        ...


class Conversations(Protocol):
    """The record, read for tickets, and the summaries written from it."""

    def load(self, conversation_id: UUID) -> Conversation:
        """The conversation as it was heard. Raises NotFound."""
        ...

    def newest_summary(self, conversation_id: UUID) -> VersionedSummary | None:
        """The stored summary."""
        ...

    def keep_first_summary(self, conversation_id: UUID, summary: Summary) -> VersionedSummary:
        """Store the summary when there is none yet; whichever is stored then."""
        ...


class HelpDesk(Protocol):
    """A help desk that has no idempotency keys. Raises Transient, Permanent or OutcomeUnknown as each method says."""

    def find_case(self, marker: str, requester_id: int | None, *, thorough: bool) -> Case | None:
        """The case with this marker; the oldest when there are several. `thorough` looks in every way there is.

        None means that none is to be seen yet, never that there is none.
        """
        ...

    def find_requester(self, person: Person) -> int | None:
        """The one contact with this very address, number or name."""
        ...

    def create_requester(self, person: Person) -> int:
        """A new contact. Raises OutcomeUnknown, DraftRefused."""
        ...

    def create_case(self, draft: TicketDraft, requester_id: int, *, bare: bool) -> Case:
        """One create call. `bare` leaves out all that a case can do without; the tags stay.

        Raises OutcomeUnknown, DraftRefused, RequesterGone; anything else means that no case was made.
        """
        ...

    def is_open(self, case: Case, requester_id: int) -> bool:
        """Whether agents still work on the case, and it is still this requester's."""
        ...

    def mark(self, case: Case, marker: str) -> None:
        """Let the case be found by this marker too, where the help desk allows it; twice is once."""
        ...

    def has_note(self, case: Case, client_id: str) -> bool:
        """Whether the note stands on the case. Raises CaseGone."""
        ...

    def add_note(self, case: Case, note: Note) -> None:
        """Add an internal note. Raises CaseGone, DraftRefused, OutcomeUnknown."""
        ...

    def cases_by_marker(self, since: datetime) -> dict[str, list[Case]]:
        """Every case of ours that changed since then, by its marker, oldest first."""
        ...

    def retire(self, duplicates: Sequence[Case], keep: Case) -> None:
        """Take duplicates out of the agents' way and leave a note on the case that stays."""
        ...
