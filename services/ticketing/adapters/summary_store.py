"""Summaries in PostgreSQL, in one transaction with what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.ticketing.adapters.conversations import keep_summary
from services.ticketing.domain.summary import Summary
from shared.contracts.tasks import TaskName
from shared.database.engine import Sessions
from shared.database.models import Conversation, OutboxRow, Ticket
from shared.messaging.inbox import first_delivery
from shared.messaging.outbox import outbox_row, pull_forward
from shared.rates.card import RateCard
from shared.rates.usage import Used
from shared.record.charges import charging

CONSUMER = "summaries"
IMPROVE_AFTER = timedelta(seconds=60)
"""How long a model that did not answer is left alone before it is asked for a better summary."""


class PostgresSummaryStore:
    """Implements `SummaryStore`."""

    def __init__(self, sessions: Sessions, card: RateCard) -> None:
        """`card` is what the tokens of a summary are priced by."""
        self._sessions = sessions
        self._card = card

    def keep(
        self, conversation_id: UUID, summary: Summary, delivery: UUID, used: Sequence[Used], *, improve_later: bool
    ) -> None:
        with self._sessions.begin() as session:
            if not first_delivery(session, delivery, CONSUMER):
                return
            keep_summary(session, conversation_id, summary)
            self._charge(session, conversation_id, delivery, used)
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

    def _charge(self, session: Session, conversation_id: UUID, delivery: UUID, used: Sequence[Used]) -> None:
        """Note the tokens, and have the conversation's figures computed again with them."""
        on = session.get_one(Conversation, conversation_id).started_at.date()
        charge = charging(conversation_id, f"summary:{delivery}", used, self._card, on)
        if charge is not None:
            session.execute(charge)
            session.add(outbox_row(TaskName.RECORD_CONVERSATION, conversation_id, conversation_id=conversation_id))
