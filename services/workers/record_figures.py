"""What the record says about background work: outbox, dead letters, tickets."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Float, cast, extract, func, select
from sqlalchemy.orm import Session

from services.workers import watch_metrics as metrics
from shared.contracts.tasks import Queue
from shared.contracts.tickets import TicketState
from shared.database.engine import Sessions
from shared.database.models import Charge, Conversation, DeadLetter, OutboxRow, Reconciliation, Ticket

LOOK_BACK = timedelta(days=7)
LATE = timedelta(minutes=2)
SETTLED = timedelta(seconds=10)
"""A transaction that began so long ago has ended: no statement of ours runs that long."""


class RecordFigures:
    """Reads the figures; remembers which tickets it has timed."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._timed_until: datetime | None = None
        self._mended: dict[str, int] = {}
        self._charged_until: datetime | None = None

    def measure(self) -> None:
        """Set the gauges. Raises SQLAlchemyError."""
        with self._sessions() as session:
            _outbox(session)
            _dead_letters(session)
            _tickets(session)
            self._time_tickets(session)
            self._reconciliation(session)
            self._count_charges(session)

    def _reconciliation(self, session: Session) -> None:
        """Show what the sweeps have found; what was mended since the last look is added."""
        for row in session.scalars(select(Reconciliation)):
            metrics.reconciliation_found.labels(kind=row.kind).set(row.found)
            news = row.mended - self._mended.get(row.kind, 0)
            metrics.reconciliation_mended_total.labels(kind=row.kind).inc(max(0, news))
            self._mended[row.kind] = row.mended

    def _time_tickets(self, session: Session) -> None:
        """Observe each ticket that came to stand since the last look, once."""
        now: datetime = session.scalars(select(func.now())).one()
        delay = _seconds(Ticket.opened_at - Conversation.closed_at)
        if self._timed_until is not None:
            newly = (
                select(delay)
                .join(Conversation, Conversation.id == Ticket.conversation_id)
                .where(Ticket.opened_at > self._timed_until, Ticket.opened_at <= now)
            )
            for seconds in session.scalars(newly):
                metrics.ticket_delay_seconds.observe(seconds)
        self._timed_until = now

    def _count_charges(self, session: Session) -> None:
        """Add up what was charged since the last look, once; as of a moment ago, when nobody writes any more."""
        now: datetime = session.scalars(select(func.now() - SETTLED)).one()
        if self._charged_until is not None:
            newly = (
                select(
                    Charge.provider, Charge.unit, Charge.currency, func.sum(Charge.quantity), func.sum(Charge.amount)
                )
                .where(Charge.noted_at > self._charged_until, Charge.noted_at <= now)
                .group_by(Charge.provider, Charge.unit, Charge.currency)
            )
            for provider, unit, currency, quantity, amount in session.execute(newly):
                metrics.usage_total.labels(provider=provider, unit=unit).inc(float(quantity))
                if currency is None or amount is None:
                    metrics.unpriced_total.labels(provider=provider, unit=unit).inc(float(quantity))
                else:
                    metrics.cost_total.labels(provider=provider, currency=currency).inc(float(amount))
        self._charged_until = now


def _outbox(session: Session) -> None:
    oldest = _seconds(func.now() - func.min(OutboxRow.due_at))
    pending = select(func.count(), oldest).where(OutboxRow.sent_at.is_(None), OutboxRow.due_at <= func.now())
    count, seconds = session.execute(pending).one()
    metrics.outbox_pending.set(count)
    metrics.outbox_oldest_seconds.set(seconds or 0)


def _dead_letters(session: Session) -> None:
    by_queue = select(DeadLetter.queue, func.count()).where(DeadLetter.replayed_at.is_(None)).group_by(DeadLetter.queue)
    counts = dict(session.execute(by_queue).all())
    for queue in Queue:
        metrics.dead_letters.labels(queue=queue.value).set(counts.get(queue.value, 0))


def _tickets(session: Session) -> None:
    recent = Ticket.created_at > func.now() - LOOK_BACK
    by_state = select(Ticket.state, func.count()).where(recent).group_by(Ticket.state)
    counts = dict(session.execute(by_state).all())
    for state in TicketState:
        metrics.tickets.labels(state=state.value).set(counts.get(state.value, 0))
    late = select(func.count()).where(Ticket.state != TicketState.OPEN, Ticket.created_at < func.now() - LATE)
    metrics.tickets_unresolved.set(session.scalar(late) or 0)


def _seconds(interval: ColumnElement[Any]) -> ColumnElement[float]:
    return cast(extract("epoch", interval), Float)
