"""The record in PostgreSQL, read for tickets, and the summaries written from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload, selectinload

from services.ticketing.domain.category import Category
from services.ticketing.domain.conversation import (
    Caller,
    Conversation,
    Question,
    Recording,
    Said,
    Source,
    Transfer,
)
from services.ticketing.domain.summary import Sentiment, Summary, SummaryOrigin, VersionedSummary
from shared.contracts.calls import RecordingKind, RecordingStatus, TransferOutcome
from shared.contracts.conversations import Channel, Outcome, Priority, Speaker
from shared.conversation.state import ConversationState, Phase
from shared.database import models
from shared.database.engine import Sessions
from shared.errors import NotFound
from shared.record.language import language_of


class PostgresConversations:
    """Implements `Conversations`."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def load(self, conversation_id: UUID) -> Conversation:
        with self._sessions() as session:
            row = session.scalars(
                select(models.Conversation)
                .where(models.Conversation.id == conversation_id)
                .options(joinedload(models.Conversation.call), selectinload(models.Conversation.turns))
            ).one_or_none()
            if row is None:
                raise NotFound("there is no such conversation")
            agent = session.get_one(models.Agent, row.agent_id)
            transfer = session.get(models.Transfer, row.call.id) if row.call else None
            recordings = session.scalars(_listenable(row.call)).all() if row.call else ()
        return _conversation(row, agent, transfer, recordings)

    def newest_summary(self, conversation_id: UUID) -> VersionedSummary | None:
        with self._sessions() as session:
            row = session.get(models.Summary, conversation_id)
        return None if row is None else versioned(row)

    def keep_first_summary(self, conversation_id: UUID, summary: Summary) -> VersionedSummary:
        with self._sessions.begin() as session:
            session.execute(
                insert(models.Summary)
                .values(conversation_id=conversation_id, **_columns(summary))
                .on_conflict_do_nothing()
            )
            return versioned(session.get_one(models.Summary, conversation_id))


def keep_summary(session: Session, conversation_id: UUID, summary: Summary) -> None:
    """Store the summary as the newest version."""
    adding = insert(models.Summary).values(conversation_id=conversation_id, **_columns(summary))
    newer = {**_columns(summary), "version": models.Summary.version + 1, "updated_at": func.now()}
    session.execute(adding.on_conflict_do_update(index_elements=[models.Summary.conversation_id], set_=newer))


def _columns(summary: Summary) -> dict[str, Any]:
    return {
        "origin": summary.origin.value,
        "subject": summary.subject,
        "text": summary.text,
        "wish": summary.wish,
        "key_points": list(summary.key_points),
        "promise": summary.promise,
        "category": summary.category.value,
        "priority": summary.priority.value,
        "sentiment": summary.sentiment.value,
        "model": summary.model,
    }


def versioned(row: models.Summary) -> VersionedSummary:
    """A stored summary."""
    return VersionedSummary(
        row.version,
        Summary(
            origin=SummaryOrigin(row.origin),
            subject=row.subject,
            text=row.text,
            wish=row.wish,
            key_points=tuple(row.key_points),
            promise=row.promise,
            category=Category(row.category),
            priority=Priority(row.priority),
            sentiment=Sentiment(row.sentiment),
            model=row.model,
        ),
    )


def _listenable(call: models.Call) -> Select[models.Recording]:
    """The call's recordings that are ready, the oldest first."""
    ready = (models.Recording.call_id == call.id, models.Recording.status == RecordingStatus.COMPLETED)
    return select(models.Recording).where(*ready).order_by(models.Recording.created_at)


def _conversation(
    row: models.Conversation,
    agent: models.Agent,
    transfer: models.Transfer | None,
    recordings: Iterable[models.Recording],
) -> Conversation:
    state = ConversationState.from_json(row.checkpoint)
    return Conversation(
        id=row.id,
        channel=Channel(row.channel),
        channel_reference=row.call.call_sid if row.call else str(row.id),
        language=language_of(row),
        company=agent.company,
        assistant=agent.name,
        outcome=Outcome(row.outcome or Outcome.ABANDONED),
        caller=Caller(row.caller_address, row.caller_name, row.email, row.email_confirmed),
        started_at=row.started_at,
        ended_at=(row.call.ended_at if row.call else None) or row.closed_at or row.updated_at,
        turns=tuple(_said(turn) for turn in row.turns),
        questions=tuple(Question(known.text, known.found, known.answered) for known in state.questions),
        promise=state.promise.text if state.promise else None,
        we_called=row.call is not None and row.call.direction.startswith("outbound"),
        transfer=None if transfer is None else _transfer(transfer),
        recordings=tuple(
            Recording(kept.recording_sid, RecordingKind(kept.kind), kept.url, kept.seconds) for kept in recordings
        ),
    )


def _transfer(row: models.Transfer) -> Transfer:
    return Transfer(row.number, TransferOutcome(row.outcome) if row.outcome else None, row.seconds)


def _said(turn: models.Turn) -> Said:
    speaker = Speaker(turn.speaker)
    return Said(
        speaker=speaker,
        text=turn.heard,
        at=turn.started_at,
        cut=speaker is Speaker.ASSISTANT and turn.interrupted,
        about_contact=turn.phase == Phase.CONTACT,
        sources=tuple(_sources(turn.sources)),
    )


def _sources(sources: Iterable[dict[str, Any]]) -> Iterable[Source]:
    return (Source(str(source["title"]), source.get("url")) for source in sources if source.get("title"))
