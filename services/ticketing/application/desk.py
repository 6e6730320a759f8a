"""Opens one case per ticket, whatever crashes, times out or is delivered twice.

The order is the guarantee: claim, look before any second create call, keep the requester, write down that a call
begins, call once, write down what came of it. What a crash leaves behind at any line tells the next run what it must
not assume.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from services.ticketing.application.line import Line
from services.ticketing.application.ports import (
    Case,
    CaseGone,
    Claim,
    Conversations,
    DraftRefused,
    HelpDesk,
    Ledger,
    Parked,
    RequesterGone,
    StillUnknown,
)
from services.ticketing.domain.conversation import Conversation
from services.ticketing.domain.draft import (
    Note,
    TicketDraft,
    recording_notes,
    repeat_note,
    summary_note,
    write_draft,
)
from services.ticketing.domain.extract import extract_summary
from services.ticketing.domain.repeat import EarlierTicket, is_repeat
from services.ticketing.domain.requester import person_of
from services.ticketing.domain.summary import VersionedSummary
from services.ticketing.domain.waiting import may_create_again, next_look_up
from shared.contracts.tickets import TicketState
from shared.errors import OutcomeUnknown, Permanent, Transient
from shared.observability.logs import get_logger

log = get_logger(__name__)


AT_ONCE_S = 0.1
"""Seconds until a ticket that lost the case it had joined is tried again."""


@dataclass(frozen=True, slots=True)
class Home:
    """The case that a ticket's notes go to."""

    case: Case
    joined: bool = False
    """It was made for an earlier call about the same problem."""
    just_made: bool = False
    """By this run: no note can stand on it yet."""


class Desk:
    """Writes tickets into a help desk.

    `quiet_s` is how long after an unanswered create call a case may still appear.
    """

    def __init__(
        self, ledger: Ledger, conversations: Conversations, help_desk: HelpDesk, line: Line, quiet_s: float
    ) -> None:
        self._ledger = ledger
        self._line = line
        self._conversations = conversations
        self._help_desk = help_desk
        self._quiet_s = quiet_s

    def open_ticket(self, ticket_id: UUID) -> None:
        """See to it that the ticket's case stands with all its notes; does nothing when it does already.

        Raises Transient when a later run may succeed (`retry_after` says when), Parked when a person is needed.
        """
        if (claim := self._ledger.claim(ticket_id)) is None:
            return
        with self._held(claim), self._line.turn(ticket_id):
            conversation = self._conversations.load(claim.conversation_id)
            summary = self._conversations.newest_summary(
                claim.conversation_id
            ) or self._conversations.keep_first_summary(claim.conversation_id, extract_summary(conversation))
            draft = write_draft(conversation, summary, claim.marker)
            home = self._settle(claim, draft, conversation, summary)
            notes = (repeat_note(conversation, summary, claim.marker), *draft.notes) if home.joined else draft.notes
            self._add_notes(claim, home, notes)
            self._ledger.opened(claim, summary.version)
            log.info(
                "ticket_opened",
                kind="joined" if home.joined else "new",
                ticket_id=str(ticket_id),
                case_id=home.case.id,
                attempts=claim.attempts,
                state=TicketState.OPEN,
            )
        # a better summary or a recording that came while this run was busy found no case to add itself to
        self.update_ticket(ticket_id)

    def update_ticket(self, ticket_id: UUID) -> None:
        """Add what is new since the case was made as notes: recordings, and a better summary."""
        if (claim := self._ledger.claim_open(ticket_id)) is None or claim.case is None:
            return
        with self._held(claim), self._line.turn(ticket_id):
            conversation = self._conversations.load(claim.conversation_id)
            for note in recording_notes(conversation, claim.marker):
                if note.client_id not in claim.notes_sent:
                    self._add_note_once(claim.case, note)
                    self._ledger.note_sent(claim, note.client_id)
            summary = self._conversations.newest_summary(claim.conversation_id)
            if summary is None or summary.version <= claim.summary_version:
                return
            note = summary_note(conversation, summary, claim.marker)
            self._add_note_once(claim.case, note)
            self._ledger.note_sent(claim, note.client_id)
            self._ledger.opened(claim, summary.version)

    @contextmanager
    def _held(self, claim: Claim) -> Iterator[None]:
        """Give the ticket back however this run ends, so that the next one need not wait for the lease."""
        try:
            yield
        finally:
            self._ledger.release(claim)

    def _settle(self, claim: Claim, draft: TicketDraft, conversation: Conversation, summary: VersionedSummary) -> Home:
        """The ticket's case: the one it has, one that is found, that of an open problem, or a new one."""
        if claim.case is not None:
            return Home(claim.case, joined=claim.joined)
        found = self._help_desk.find_case(claim.marker, claim.requester_id, thorough=claim.attempts > 0)
        if found is not None:
            log.info("case_found", ticket_id=str(claim.ticket_id), case_id=found.id, attempts=claim.attempts)
            self._ledger.created(claim, found)
            return Home(found)
        if claim.unanswered_s is not None and not may_create_again(claim.unanswered_s, self._quiet_s):
            self._ledger.unknown(claim)
            raise StillUnknown(
                "the help desk did not answer the create call and shows no case yet",
                next_look_up(claim.unanswered_s, self._quiet_s),
            )
        if claim.may_join and (earlier := self._open_problem(claim, conversation, summary)) is not None:
            self._ledger.joined(claim, earlier)
            return Home(Case(earlier.case_id, earlier.case_url), joined=True)
        requester_id = claim.requester_id or self._requester(claim, draft)
        return Home(self._create(claim, draft, requester_id), just_made=True)

    def _open_problem(
        self, claim: Claim, conversation: Conversation, summary: VersionedSummary
    ) -> EarlierTicket | None:
        """The one open ticket that this conversation is about; none when there are several."""
        alike = [
            earlier
            for earlier in self._ledger.earlier_tickets(claim)
            if is_repeat(conversation, summary.summary, earlier)
            and self._help_desk.is_open(Case(earlier.case_id, earlier.case_url), earlier.requester_id)
        ]
        return alike[0] if len(alike) == 1 else None

    def _requester(self, claim: Claim, draft: TicketDraft) -> int:
        person = person_of(draft.caller)
        found = None
        if person.email is None and person.phone is not None:
            found = self._ledger.requester_of_number(person.phone)
        if found is None:
            found = self._help_desk.find_requester(person)
        try:
            requester_id = found if found is not None else self._help_desk.create_requester(person)
        except DraftRefused as error:
            raise self._parked(claim, error) from error
        self._ledger.found_requester(claim, requester_id)
        return requester_id

    def _create(self, claim: Claim, draft: TicketDraft, requester_id: int) -> Case:
        """Create the case; once more with only what it needs when the help desk dislikes a part of it."""
        try:
            return self._create_once(claim, draft, requester_id, bare=False)
        except DraftRefused as error:
            if not error.optional_parts:
                raise self._parked(claim, error) from error
            log.warning("draft_refused", ticket_id=str(claim.ticket_id), reason=error.detail)
        try:
            return self._create_once(claim, draft, requester_id, bare=True)
        except DraftRefused as error:
            raise self._parked(claim, error) from error

    def _create_once(self, claim: Claim, draft: TicketDraft, requester_id: int, *, bare: bool) -> Case:
        self._ledger.begin_create(claim, draft.subject)
        try:
            case = self._help_desk.create_case(draft, requester_id, bare=bare)
        except OutcomeUnknown as error:
            self._ledger.unknown(claim)
            raise StillUnknown(error.detail, next_look_up(0, self._quiet_s)) from error
        except RequesterGone as error:
            self._ledger.not_created(claim)
            self._ledger.requester_gone(requester_id)
            raise Transient(error.detail) from error
        except (Transient, Permanent):
            self._ledger.not_created(claim)
            raise
        self._ledger.created(claim, case)
        return case

    def _parked(self, claim: Claim, error: Permanent) -> Parked:
        self._ledger.park(claim, error.detail)
        log.error("ticket_parked", ticket_id=str(claim.ticket_id), reason=error.detail)
        return Parked(error.detail)

    def _add_notes(self, claim: Claim, home: Home, notes: tuple[Note, ...]) -> None:
        try:
            for note in notes:
                if note.client_id in claim.notes_sent:
                    continue
                if home.just_made:
                    self._help_desk.add_note(home.case, note)
                else:
                    self._add_note_once(home.case, note)
                self._ledger.note_sent(claim, note.client_id)
            if home.joined:
                # last: a case that took the mark and not the notes would be found as the ticket's own
                self._help_desk.mark(home.case, claim.marker)
        except (CaseGone, DraftRefused) as error:
            if home.joined:
                self._ledger.parted(claim)
                raise Transient("the case of the earlier call takes no more notes", AT_ONCE_S) from error
            raise self._parked(claim, error) from error

    def _add_note_once(self, case: Case, note: Note) -> None:
        """Add the note unless it stands already: an earlier run may have died between sending and writing it down."""
        if not self._help_desk.has_note(case, note.client_id):
            self._help_desk.add_note(case, note)
