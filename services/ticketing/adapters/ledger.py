"""The ledger in PostgreSQL: every change is one statement that only the holder of the present fence can make.

Times are the database's, so that workers on different machines agree about a lease.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Float,
    Select,
    Update,
    and_,
    case,
    cast,
    exists,
    extract,
    false,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from services.ticketing.adapters.conversations import versioned
from services.ticketing.application.ports import Case, Claim, HeldElsewhere, LeaseLost, OpenedTicket
from services.ticketing.domain.conversation import Caller
from services.ticketing.domain.repeat import REPEATS_WITHIN, EarlierTicket
from shared.contracts.conversations import RepeatPolicy
from shared.contracts.tasks import TaskName
from shared.contracts.tickets import TicketState
from shared.database.engine import Sessions
from shared.database.models import Agent, Conversation, DeadLetter, OutboxRow, Summary, Ticket
from shared.errors import NotFound
from shared.messaging.outbox import outbox_row

UNFINISHED = (TicketState.PLANNED, TicketState.SENDING, TicketState.UNKNOWN)
MOST_REQUEUED = 500
"""Tickets queued again by one sweep; the next one takes the rest."""
MOST_EARLIER = 10
"""Earlier tickets of a caller that are compared."""


class PostgresLedger:
    """Implements `Ledger`. `lease` is longer than any run may last: the hard time limit of the task."""

    def __init__(self, sessions: Sessions, lease: timedelta) -> None:
        self._sessions = sessions
        self._lease = lease

    def claim(self, ticket_id: UUID) -> Claim | None:
        return self._take(ticket_id, UNFINISHED)

    def claim_open(self, ticket_id: UUID) -> Claim | None:
        return self._take(ticket_id, (TicketState.OPEN,))

    def _take(self, ticket_id: UUID, states: Collection[str]) -> Claim | None:
        """Take the lease when the ticket is in one of these states and nobody holds it."""
        taking = (
            update(Ticket)
            .where(Ticket.id == ticket_id, Ticket.state.in_(states), _is_free())
            .values(fence=Ticket.fence + 1, lease_until=func.now() + self._lease)
            .returning(Ticket, _unanswered())
        )
        with self._sessions.begin() as session:
            if (taken := session.execute(taking).first()) is not None:
                ticket, unanswered = taken
                return _claim(ticket, unanswered)
            known = session.execute(select(Ticket.state, _lease_left()).where(Ticket.id == ticket_id)).first()
        if known is None:
            raise NotFound("there is no such ticket")
        state, seconds = known
        if state in states:
            raise HeldElsewhere("another run works on this ticket", max(1.0, seconds or 0.0))
        return None

    def found_requester(self, claim: Claim, requester_id: int) -> None:
        self._write(claim, requester_id=requester_id)

    def requester_gone(self, requester_id: int) -> None:
        with self._sessions.begin() as session:
            session.execute(update(Ticket).where(Ticket.requester_id == requester_id).values(requester_id=None))

    def begin_create(self, claim: Claim, subject: str) -> None:
        self._write(
            claim,
            state=TicketState.SENDING,
            attempts=Ticket.attempts + 1,
            sent_at=func.clock_timestamp(),
            subject=subject,
        )

    def not_created(self, claim: Claim) -> None:
        self._write(claim, state=TicketState.PLANNED)

    def unknown(self, claim: Claim) -> None:
        self._write(claim, state=TicketState.UNKNOWN)

    def created(self, claim: Claim, case: Case) -> None:
        self._write(claim, case_id=case.id, case_url=case.url)

    def earlier_tickets(self, claim: Claim) -> list[EarlierTicket]:
        with self._sessions() as session:
            now = session.get_one(Conversation, claim.conversation_id)
            return [_earlier(*row) for row in session.execute(_open_tickets_of(now))]

    def joined(self, claim: Claim, earlier: EarlierTicket) -> None:
        self._write(
            claim,
            case_id=earlier.case_id,
            case_url=earlier.case_url,
            requester_id=earlier.requester_id,
            joined_ticket_id=earlier.ticket_id,
        )

    def parted(self, claim: Claim) -> None:
        self._write(
            claim,
            state=TicketState.PLANNED,
            case_id=None,
            case_url=None,
            joined_ticket_id=None,
            stands_alone=True,
            notes_sent=[],
        )

    def note_sent(self, claim: Claim, client_id: str) -> None:
        self._write(claim, notes_sent=Ticket.notes_sent + literal([client_id], Ticket.notes_sent.type))

    def opened(self, claim: Claim, summary_version: int) -> None:
        self._write(
            claim,
            state=TicketState.OPEN,
            summary_version=summary_version,
            opened_at=func.coalesce(Ticket.opened_at, func.clock_timestamp()),
            parked_reason=None,
            lease_until=None,
        )

    def park(self, claim: Claim, reason: str) -> None:
        self._write(claim, state=TicketState.PARKED, parked_reason=reason, lease_until=None)

    def release(self, claim: Claim) -> None:
        with self._sessions.begin() as session:
            session.execute(_held(claim).values(lease_until=None))

    def _write(self, claim: Claim, **values: Any) -> None:
        with self._sessions.begin() as session:
            written = session.execute(_held(claim).values(**values).returning(Ticket.id))
            if written.first() is None:
                raise LeaseLost("another run has taken this ticket over")

    def requester_of_number(self, number: str) -> int | None:
        of_number = (
            select(Ticket.requester_id)
            .join(Conversation, Conversation.id == Ticket.conversation_id)
            .where(Conversation.caller_address == number, Ticket.requester_id.is_not(None))
            .order_by(Ticket.created_at.desc())
            .limit(1)
        )
        with self._sessions() as session:
            return session.scalars(of_number).first()

    def requeue_stuck(self, still_for: timedelta) -> list[UUID]:
        return self._requeue(_stuck(still_for))

    def _requeue(self, which: Select[UUID, str]) -> list[UUID]:
        """Queue these again, under their conversations' trace ids."""
        with self._sessions.begin() as session:
            found = session.execute(which).all()
            for ticket_id, trace_id in found:
                row = outbox_row(TaskName.OPEN_TICKET, ticket_id, ticket_id=ticket_id)
                row.trace_id = trace_id
                session.add(row)
                session.execute(update(Ticket).where(Ticket.id == ticket_id).values(updated_at=func.now()))
                settle_dead_letters(session, ticket_id)
        return [ticket_id for ticket_id, _ in found]

    def requeue_unnoticed(self, markers: Iterable[str]) -> list[UUID]:
        seen = (
            select(Ticket.id, Conversation.trace_id)
            .join(Conversation, Conversation.id == Ticket.conversation_id)
            .where(Ticket.marker.in_(list(markers)), Ticket.state.in_(UNFINISHED), _is_free(), ~_is_queued())
            .order_by(Ticket.created_at)
            .limit(MOST_REQUEUED)
            .with_for_update(of=Ticket, skip_locked=True)
        )
        return self._requeue(seen)

    def known_markers(self, markers: Iterable[str]) -> set[str]:
        with self._sessions() as session:
            return set(session.scalars(select(Ticket.marker).where(Ticket.marker.in_(list(markers)))))

    def opened_between(self, since: datetime, until: datetime) -> list[OpenedTicket]:
        opened = (
            select(Ticket.id, Ticket.marker, Ticket.requester_id)
            .where(Ticket.state == TicketState.OPEN, Ticket.opened_at.between(since, until))
            .order_by(Ticket.opened_at.desc())
        )
        with self._sessions() as session:
            return [OpenedTicket(*row) for row in session.execute(opened)]

    def case_ids(self, markers: Iterable[str]) -> dict[str, int]:
        known = select(Ticket.marker, Ticket.case_id).where(
            Ticket.marker.in_(list(markers)), Ticket.case_id.is_not(None)
        )
        with self._sessions() as session:
            return {marker: case_id for marker, case_id in session.execute(known) if case_id is not None}

    def move_to(self, marker: str, case: Case) -> None:
        there = {"case_id": case.id, "case_url": case.url}
        moving = update(Ticket).where(Ticket.marker == marker).values(**there).returning(Ticket.id)
        with self._sessions.begin() as session:
            following = (
                update(Ticket)
                .where(Ticket.joined_ticket_id.in_(session.scalars(moving).all()))
                # a run under way writes for the other case: it must lose its claim
                .values(**there, state=TicketState.PLANNED, notes_sent=[], fence=Ticket.fence + 1, lease_until=None)
                .returning(Ticket.id)
            )
            for ticket_id in session.scalars(following):
                session.add(outbox_row(TaskName.OPEN_TICKET, ticket_id, ticket_id=ticket_id))


def unpark(session: Session, ticket_id: UUID) -> None:
    """Let a parked ticket be tried again; part of replaying its dead letter."""
    session.execute(
        update(Ticket)
        .where(Ticket.id == ticket_id, Ticket.state == TicketState.PARKED)
        .values(state=TicketState.PLANNED, parked_reason=None)
    )


def settle_dead_letters(session: Session, ticket_id: UUID) -> None:
    """Mark the ticket's dead letters as replayed: it is queued again."""
    session.execute(
        update(DeadLetter)
        .where(
            DeadLetter.task == TaskName.OPEN_TICKET,
            DeadLetter.payload["ticket_id"].as_string() == str(ticket_id),
            DeadLetter.replayed_at.is_(None),
        )
        .values(replayed_at=func.now())
    )


def _is_free() -> ColumnElement[bool]:
    return Ticket.lease_until.is_(None) | (Ticket.lease_until < func.now())


def _is_queued() -> ColumnElement[bool]:
    """Whether a row of the outbox waits to be sent for it."""
    return exists().where(
        OutboxRow.task == TaskName.OPEN_TICKET,
        OutboxRow.order_key == cast(Ticket.id, OutboxRow.order_key.type),
        OutboxRow.sent_at.is_(None),
    )


def _held(claim: Claim) -> Update:
    """An update that only reaches the row while the claim's fence is the present one."""
    return update(Ticket).where(Ticket.id == claim.ticket_id, Ticket.fence == claim.fence)


def _unanswered() -> ColumnElement[float | None]:
    """Seconds since a create call began whose outcome nobody knows."""
    open_question = Ticket.state.in_([TicketState.SENDING, TicketState.UNKNOWN]) & Ticket.case_id.is_(None)
    since = extract("epoch", func.now() - Ticket.sent_at)
    return cast(case((open_question, since), else_=None), Float)


def _lease_left() -> ColumnElement[float | None]:
    return cast(extract("epoch", Ticket.lease_until - func.now()), Float)


def _claim(ticket: Ticket, unanswered: float | None) -> Claim:
    return Claim(
        ticket_id=ticket.id,
        conversation_id=ticket.conversation_id,
        marker=ticket.marker,
        fence=ticket.fence,
        attempts=ticket.attempts,
        unanswered_s=unanswered,
        requester_id=ticket.requester_id,
        case=None if ticket.case_id is None else Case(ticket.case_id, ticket.case_url),
        joined=ticket.joined_ticket_id is not None,
        may_join=ticket.attempts == 0 and not ticket.stands_alone,
        notes_sent=tuple(ticket.notes_sent),
        summary_version=ticket.summary_version,
    )


def _stuck(still_for: timedelta) -> Select[UUID, str]:
    """Unfinished tickets that nobody works on, with their conversation's trace id.

    A lease that ran out was left by a run that died: every other end gives it back. Without a lease, a ticket that
    nobody has touched or queued for long has lost its message.
    """
    forgotten = and_(Ticket.lease_until.is_(None), Ticket.updated_at < func.now() - still_for)
    return (
        select(Ticket.id, Conversation.trace_id)
        .join(Conversation, Conversation.id == Ticket.conversation_id)
        .where(Ticket.state.in_(UNFINISHED), or_(Ticket.lease_until < func.now(), forgotten), ~_is_queued())
        .order_by(Ticket.created_at)
        .limit(MOST_REQUEUED)
        .with_for_update(of=Ticket, skip_locked=True)
    )


def _open_tickets_of(now: Conversation) -> Select[Ticket, Conversation, Summary]:
    """Tickets that a repeat call of this conversation's caller may be about."""
    same_caller = []
    if now.caller_address is not None:
        same_caller.append(Conversation.caller_address == now.caller_address)
    if now.email is not None and now.email_confirmed:
        same_caller.append(Conversation.email_confirmed & (func.lower(Conversation.email) == now.email.lower()))
    return (
        select(Ticket, Conversation, Summary)
        .join(Conversation, Conversation.id == Ticket.conversation_id)
        .join(Summary, Summary.conversation_id == Conversation.id)
        .join(Agent, Agent.id == Conversation.agent_id)
        .where(
            or_(false(), *same_caller),
            Conversation.id != now.id,
            Conversation.agent_id == now.agent_id,
            Agent.repeat_policy == RepeatPolicy.JOIN_OPEN_TICKET,
            Ticket.state == TicketState.OPEN,
            Ticket.joined_ticket_id.is_(None),
            Ticket.case_id.is_not(None),
            Ticket.requester_id.is_not(None),
            Ticket.opened_at > func.now() - REPEATS_WITHIN,
        )
        .order_by(Ticket.opened_at.desc())
        .limit(MOST_EARLIER)
    )


def _earlier(ticket: Ticket, conversation: Conversation, summary: Summary) -> EarlierTicket:
    assert ticket.case_id is not None  # noqa: S101  (the query asks for it)
    assert ticket.requester_id is not None  # noqa: S101  (likewise)
    return EarlierTicket(
        ticket_id=ticket.id,
        case_id=ticket.case_id,
        case_url=ticket.case_url,
        requester_id=ticket.requester_id,
        caller=Caller(
            conversation.caller_address, conversation.caller_name, conversation.email, conversation.email_confirmed
        ),
        language=conversation.language,
        summary=versioned(summary).summary,
    )
