"""Summaries in PostgreSQL, in one transaction with what follows from them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from services.ticketing.adapters.conversations import keep_summary
from services.ticketing.domain.summary import Summary
from shared.contracts.tasks import TaskName
from shared.database.engine import Sessions
from shared.database.models import OutboxRow, Ticket
from shared.messaging.inbox import first_delivery
from shared.messaging.outbox import outbox_row, pull_forward

CONSUMER = "summaries"
IMPROVE_AFTER = timedelta(seconds=60)
"""How long a model that did not answer is left alone before it is asked for a better summary."""


class PostgresSummaryStore:
    """Implements `SummaryStore`."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def keep(self, conversation_id: UUID, summary: Summary, delivery: UUID, *, improve_later: bool) -> None:
        with self._sessions.begin() as session:
            if not first_delivery(session, delivery, CONSUMER):
                return
            keep_summary(session, conversation_id, summary)
            if improve_later:
                session.add(
                    outbox_row(
                        TaskName.IMPROVE_SUMMARY, conversation_id, IMPROVE_AFTER, conversation_id=conversation_id
                    )
                )
            ticket_id = session.scalars(select(Ticket.id).where(Ticket.conversation_id == conversation_id)).first()
            if ticket_id is None:
                return
            pulled = session.execute(pull_forward(TaskName.OPEN_TICKET, ticket_id).returning(OutboxRow.id))
            if pulled.first() is None:
                session.add(outbox_row(TaskName.UPDATE_TICKET, ticket_id, ticket_id=ticket_id))
