"""Tasks of the queue `analytics`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from uuid import UUID

from celery import shared_task
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload, selectinload

from services.workers.facts import question_figures, turn_figures
from services.workers.of_this_process import OfThisProcess
from services.workers.stores import open_sessions
from shared.contracts.conversations import Outcome
from shared.contracts.tasks import TaskName
from shared.conversation.state import ConversationState
from shared.database.engine import Sessions
from shared.database.models import Call, CallSession, Charge, Conversation, ConversationFacts, Recording, Transfer
from shared.record.figures import Billed, cost_of, session_figures
from shared.settings import DatabaseSettings, load


class Settings(DatabaseSettings):
    """What the tasks need."""


@contextmanager
def _open() -> Iterator[Sessions]:
    with open_sessions(load(Settings)) as opened:
        yield opened


sessions = OfThisProcess(_open)


@shared_task(name=TaskName.RECORD_CONVERSATION.value)
def record_conversation(conversation_id: str) -> None:
    """Write the conversation's row of figures; the same row however often this runs."""
    with sessions().begin() as session:
        write_facts(session, UUID(conversation_id))


def write_facts(session: Session, conversation_id: UUID) -> None:
    """Compute the figures from the record and store them."""
    conversation = session.scalars(
        select(Conversation)
        .where(Conversation.id == conversation_id)
        .options(joinedload(Conversation.call), selectinload(Conversation.turns))
    ).one()
    ended_at = (conversation.call.ended_at if conversation.call else None) or conversation.closed_at
    questions, found = question_figures(ConversationState.from_json(conversation.checkpoint), conversation.turns)
    figures = {
        "agent_id": conversation.agent_id,
        "channel": conversation.channel,
        "started_at": conversation.started_at,
        "duration_seconds": (ended_at - conversation.started_at).total_seconds() if ended_at else 0.0,
        "outcome": conversation.outcome or Outcome.ABANDONED,
        "questions": questions,
        "questions_found": found,
        "email_confirmed": conversation.email_confirmed,
        "recorded_at": func.now(),
        **asdict(turn_figures(conversation.turns)),
    }
    if conversation.call is not None:
        figures |= _of_call(session, conversation.call, is_closed=conversation.closed_at is not None)
    row = insert(ConversationFacts).values(conversation_id=conversation_id, **figures)
    session.execute(row.on_conflict_do_update(index_elements=[ConversationFacts.conversation_id], set_=figures))


def _of_call(session: Session, call: Call, *, is_closed: bool) -> dict[str, Any]:
    """What only calls have: the figures their voice processes left, and their cost."""
    sessions = session.scalars(select(CallSession).where(CallSession.call_id == call.id)).all()
    cost = cost_of(
        Billed(
            call=call,
            is_closed=is_closed,
            sessions=sessions,
            charges=session.scalars(select(Charge).where(Charge.conversation_id == call.conversation_id)).all(),
            transfer=session.get(Transfer, call.id),
            recordings=session.scalars(select(Recording).where(Recording.call_id == call.id)).all(),
        )
    )
    found = session_figures(sessions)
    return {
        "false_interruptions": found.false_interruptions,
        "silences": found.silences,
        "cost": {"known": cost.written(), "unknown": list(cost.unknown)},
    }
