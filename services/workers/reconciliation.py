"""Compares the record with itself on a schedule, and orders again what was lost on its way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Select, String, cast, exists, func, or_, select
from sqlalchemy.orm import Session

from services.workers.findings import Found
from shared.contracts.calls import NextStep
from shared.contracts.conversations import Channel
from shared.contracts.reconciliation import Finding
from shared.contracts.tasks import TaskName
from shared.database.engine import Sessions
from shared.database.models import Call, Conversation, ConversationFacts, OutboxRow, Turn
from shared.messaging.outbox import outbox_row

LOOK_BACK: Final = timedelta(days=7)
LATE: Final = timedelta(minutes=15)
"""A call of which nothing was recorded for so long has been looked up at Twilio and swept; an outbox row that waits so
long is not waiting for a relay's next look."""
MOST_AT_ONCE: Final = 500


def reconcile_record(sessions: Sessions, still_for: timedelta) -> dict[Finding, Found]:
    """One look. `still_for` is how long a message of the queue may be on its way."""
    with sessions.begin() as session:
        ordered = _order_figures(session, still_for)
        return {
            Finding.CALL_WITHOUT_END: Found(_count(session, _without_end())),
            Finding.TURN_WITHOUT_CALL: Found(_count(session, _without_call())),
            Finding.OUTBOX_ROW_OLD: Found(_count(session, _old_rows())),
            Finding.FIGURES_MISSING: Found(ordered, ordered),
        }


def _count(session: Session, rows: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(rows.subquery())) or 0


def _without_end() -> Select[Any]:
    """Open conversations of calls that nobody has written about for long, but for those that a person talks in."""
    goes_on = [NextStep.TRANSFER, NextStep.APOLOGISE, NextStep.TAKE_MESSAGE]
    return (
        select(Call.id)
        .join(Conversation)
        .where(
            Conversation.closed_at.is_(None),
            func.greatest(Call.updated_at, Conversation.updated_at) < func.now() - LATE,
            func.coalesce(Call.next_step, NextStep.HANG_UP).not_in(goes_on),
        )
    )


def _without_call() -> Select[Any]:
    return select(Conversation.id).where(
        Conversation.channel == Channel.PHONE,
        Conversation.started_at > func.now() - LOOK_BACK,
        exists().where(Turn.conversation_id == Conversation.id),
        ~exists().where(Call.conversation_id == Conversation.id),
    )


def _old_rows() -> Select[Any]:
    return select(OutboxRow.id).where(OutboxRow.sent_at.is_(None), OutboxRow.due_at < func.now() - LATE)


def _order_figures(session: Session, still_for: timedelta) -> int:
    """Order the figures of closed conversations that have none, unless they were ordered lately; how many."""
    lately = exists().where(
        OutboxRow.task == TaskName.RECORD_CONVERSATION,
        OutboxRow.order_key == cast(Conversation.id, String),
        or_(OutboxRow.sent_at.is_(None), OutboxRow.sent_at > func.now() - still_for),
    )
    missing = (
        select(Conversation.id, Conversation.trace_id)
        .where(
            Conversation.closed_at.between(func.now() - LOOK_BACK, func.now() - still_for),
            ~exists().where(ConversationFacts.conversation_id == Conversation.id),
            ~lately,
        )
        .limit(MOST_AT_ONCE)
    )
    found = session.execute(missing).all()
    for conversation_id, trace_id in found:
        row = outbox_row(TaskName.RECORD_CONVERSATION, conversation_id, conversation_id=conversation_id)
        row.trace_id = trace_id
        session.add(row)
    return len(found)
