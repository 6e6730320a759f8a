"""The gate in PostgreSQL, beside the ledger whose order it keeps. Times are the database's."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Float, and_, cast, extract, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from services.ticketing.application.line import KNOCK_AGAIN_S, Entry, Waiting
from shared.contracts.tickets import TicketState
from shared.database.engine import Sessions
from shared.database.models import HelpDeskGate, Ticket
from shared.observability.logs import get_logger

log = get_logger(__name__)

KNOCK_LEASE = timedelta(seconds=30)
"""Longer than a request may take: a knock that was never reported back ends by itself."""
LOOK_AGAIN_S = 1.0
"""A ticket that meets somebody knocking comes back after this and its place in line."""
SPACING_S = 0.1
"""Between two tickets in line: they come back one after the other, not all at once."""
IN_ORDER_FOR = timedelta(seconds=60)
"""After the gate opened older tickets go first for so long; what is left of the line then has lost its task."""
PATIENCE = timedelta(minutes=20)
"""A ticket that knocks in vain for so long may be what the help desk fails at: then its tries count."""
AHEAD = 8
"""Older tickets that may still be waiting when one goes in: about as many as work at once."""


class PostgresGate:
    """Implements `Gate` for one help desk. It stands open until somebody closes it."""

    def __init__(self, sessions: Sessions, url: str, knock_every_s: float = KNOCK_AGAIN_S) -> None:
        self._sessions = sessions
        self._url = url
        self._knock_every_s = knock_every_s

    def enter(self, ticket_id: UUID) -> Entry:
        with self._sessions.begin() as session:
            looked = select(HelpDeskGate, _seconds_left(), _lately_opened()).where(HelpDeskGate.url == self._url)
            if (found := session.execute(looked).first()) is None:
                return Entry.FREE
            gate, left, lately = found
            if gate.closed_until is None:
                if lately and (place := _place(session, ticket_id)) >= AHEAD:
                    raise Waiting("older tickets go first", place * SPACING_S)
                return Entry.FREE
            if left <= 0 and self._may_knock(session):
                return Entry.OVERDUE_KNOCK if _is_overdue(session, ticket_id) else Entry.KNOCK
            rest = LOOK_AGAIN_S if gate.knocking else max(left, 0.0)
            raise Waiting("the help desk is left alone", rest + _place(session, ticket_id) * SPACING_S)

    def _may_knock(self, session: Session) -> bool:
        knocking = (
            update(HelpDeskGate)
            .where(HelpDeskGate.url == self._url, HelpDeskGate.closed_until <= func.now())
            .values(closed_until=func.now() + KNOCK_LEASE, knocking=True)
            .returning(HelpDeskGate.url)
        )
        return session.execute(knocking).first() is not None

    def close(self, for_s: float | None) -> None:
        seconds = self._knock_every_s if for_s is None else for_s
        values = {"closed_until": func.now() + timedelta(seconds=seconds), "knocking": False, "opened_at": None}
        closing = insert(HelpDeskGate).values(url=self._url, **values)
        # somebody who was told a longer wait knows better than somebody whose connection broke meanwhile
        longer = HelpDeskGate.closed_until.is_(None) | HelpDeskGate.knocking
        sooner = HelpDeskGate.closed_until < closing.excluded.closed_until
        with self._sessions.begin() as session:
            session.execute(
                closing.on_conflict_do_update(index_elements=[HelpDeskGate.url], set_=values, where=or_(longer, sooner))
            )
        log.warning("help_desk_left_alone", delay_s=seconds)

    def open(self) -> None:
        opening = (
            update(HelpDeskGate)
            .where(HelpDeskGate.url == self._url, HelpDeskGate.knocking)
            .values(closed_until=None, knocking=False, opened_at=func.now())
        )
        with self._sessions.begin() as session:
            session.execute(opening)
        log.info("help_desk_answers_again")


def _seconds_left() -> ColumnElement[float]:
    return cast(func.coalesce(extract("epoch", HelpDeskGate.closed_until - func.now()), 0), Float)


def _lately_opened() -> ColumnElement[bool]:
    return func.coalesce(HelpDeskGate.opened_at > func.now() - IN_ORDER_FOR, False)


def _is_overdue(session: Session, ticket_id: UUID) -> bool:
    overdue = select(Ticket.created_at < func.now() - PATIENCE).where(Ticket.id == ticket_id)
    return bool(session.scalars(overdue).first())


def _place(session: Session, ticket_id: UUID) -> int:
    """How many older tickets wait to be sent; those that somebody works on do not wait."""
    older = aliased(Ticket)
    waits = and_(
        older.state == TicketState.PLANNED,
        or_(older.lease_until.is_(None), older.lease_until < func.now()),
        older.created_at < Ticket.created_at,
    )
    counted = select(func.count(older.id)).select_from(Ticket).join(older, waits).where(Ticket.id == ticket_id)
    return session.scalars(counted).one()
