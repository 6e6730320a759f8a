"""Opens one case per ticket, whatever crashes, times out or is delivered twice.

The order is the guarantee: claim, look before any second create call, keep the requester, write down that a call
begins, call once, write down what came of it. What a crash leaves behind at any line tells the next run what it must
not assume.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

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
from services.ticketing.domain.draft import Note, TicketDraft, recording_notes, summary_note, write_draft
from services.ticketing.domain.extract import extract_summary
from services.ticketing.domain.requester import person_of
from services.ticketing.domain.waiting import may_create_again, next_look_up
from shared.contracts.tickets import TicketState
from shared.errors import OutcomeUnknown, Permanent, Transient
from shared.observability.logs import get_logger

log = get_logger(__name__)


class Desk:
    """Writes tickets into a help desk.

    `quiet_s` is how long after an unanswered create call a case may still appear.
    """

    def __init__(self, ledger: Ledger, conversations: Conversations, help_desk: HelpDesk, quiet_s: float) -> None:
        self._ledger = ledger
        self._conversations = conversations
        self._help_desk = help_desk
        self._quiet_s = quiet_s

    def open_ticket(self, ticket_id: UUID) -> None:
        """See to it that the ticket's case stands with all its notes; does nothing when it does already.

        Raises Transient when a later run may succeed (`retry_after` says when), Parked when a person is needed.
        """
        if (claim := self._ledger.claim(ticket_id)) is None:
            return
        with self._held(claim):
            conversation = self._conversations.load(claim.conversation_id)
            summary = self._conversations.newest_summary(
                claim.conversation_id
            ) or self._conversations.keep_first_summary(claim.conversation_id, extract_summary(conversation))
            draft = write_draft(conversation, summary, claim.marker)
            case, certainly_bare = (claim.case, False) if claim.case else self._settle(claim, draft)
            self._add_notes(claim, case, draft.notes, certainly_bare=certainly_bare)
            self._ledger.opened(claim, summary.version)
            log.info(
                "ticket_opened",
                ticket_id=str(ticket_id),
                case_id=case.id,
                attempts=claim.attempts,
                state=TicketState.OPEN,
            )
        # a better summary or a recording that came while this run was busy found no case to add itself to
        self.update_ticket(ticket_id)

    def update_ticket(self, ticket_id: UUID) -> None:
        """Add what is new since the case was made as notes: recordings, and a better summary."""
        if (claim := self._ledger.claim_open(ticket_id)) is None or claim.case is None:
            return
        with self._held(claim):
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

    def _settle(self, claim: Claim, draft: TicketDraft) -> tuple[Case, bool]:
        """The ticket's case, and whether this run has just made it."""
        found = self._help_desk.find_case(claim.marker, claim.requester_id, thorough=claim.attempts > 0)
        if found is not None:
            log.info("case_found", ticket_id=str(claim.ticket_id), case_id=found.id, attempts=claim.attempts)
            self._ledger.created(claim, found)
            return found, False
        if claim.unanswered_s is not None and not may_create_again(claim.unanswered_s, self._quiet_s):
            self._ledger.unknown(claim)
            raise StillUnknown(
                "the help desk did not answer the create call and shows no case yet",
                next_look_up(claim.unanswered_s, self._quiet_s),
            )
        requester_id = claim.requester_id or self._requester(claim, draft)
        return self._create(claim, draft, requester_id), True

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

    def _add_notes(self, claim: Claim, case: Case, notes: tuple[Note, ...], *, certainly_bare: bool) -> None:
        try:
            for note in notes:
                if note.client_id in claim.notes_sent:
                    continue
                if certainly_bare:
                    self._help_desk.add_note(case, note)
                else:
                    self._add_note_once(case, note)
                self._ledger.note_sent(claim, note.client_id)
        except (CaseGone, DraftRefused) as error:
            raise self._parked(claim, error) from error

    def _add_note_once(self, case: Case, note: Note) -> None:
        """Add the note unless it stands already: an earlier run may have died between sending and writing it down."""
        if not self._help_desk.has_note(case, note.client_id):
            self._help_desk.add_note(case, note)
