"""The record of what was said: conversations, the calls that carried them, and their turns."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, SmallInteger, String, Text
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shared.contracts.calls import CallStatus, MediaState
from shared.contracts.relay import Transport
from shared.database.base import Base, Dated


class Conversation(Dated, Base):
    """One talk with one person on one channel; what the ticket is about."""

    __tablename__ = "conversations"
    __table_args__ = (Index("ix_conversations_started_at", "started_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id"), index=True)
    channel: Mapped[str] = mapped_column(String(20))
    language: Mapped[str] = mapped_column(String(16))
    caller_address: Mapped[str | None] = mapped_column(String(254))
    """The caller's number as the channel reported it; none when it was withheld."""
    caller_name: Mapped[str | None] = mapped_column(String(200))
    email: Mapped[str | None] = mapped_column(String(254))
    email_confirmed: Mapped[bool] = mapped_column(server_default=sql("false"))
    notice_heard: Mapped[bool] = mapped_column(server_default=sql("false"))
    """Whether the caller heard to the end that an AI assistant answers."""
    outcome: Mapped[str | None] = mapped_column(String(30))
    checkpoint: Mapped[dict[str, Any]] = mapped_column(server_default=sql("'{}'"))
    """The conversation's state after the last turn, in the form of `shared.conversation.state`."""
    trace_id: Mapped[str] = mapped_column(String(32))
    started_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    """Set once, in the transaction that wrote the outbox rows of everything that follows a conversation."""

    call: Mapped[Call | None] = relationship(back_populates="conversation", lazy="raise")
    turns: Mapped[list[Turn]] = relationship(lazy="raise", order_by="Turn.number", viewonly=True)


class Call(Dated, Base):
    """A telephone call, keyed by Twilio's CallSid."""

    __tablename__ = "calls"
    __table_args__ = (Index("ix_calls_talking", "id", postgresql_where=sql("media_state IN ('connected', 'plain')")),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    call_sid: Mapped[str] = mapped_column(String(34), unique=True)
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversations.id"), unique=True)
    direction: Mapped[str] = mapped_column(String(20))
    from_number: Mapped[str] = mapped_column(String(254))
    to_number: Mapped[str] = mapped_column(String(254))
    status: Mapped[str] = mapped_column(String(20), server_default=CallStatus.RINGING.value)
    media_state: Mapped[str] = mapped_column(String(20), server_default=MediaState.EXPECTED.value)
    next_step: Mapped[str | None] = mapped_column(String(20))
    transport: Mapped[str] = mapped_column(String(20), server_default=Transport.MEDIA_STREAMS.value)
    """What carries the present generation; a relay session that never came about is followed by a media stream."""
    stream_generation: Mapped[int] = mapped_column(server_default=sql("1"))
    """How many times this call was connected to a voice process; part of the stream token."""
    rounds_waited: Mapped[int] = mapped_column(server_default=sql("0"))
    """How many times the caller was told to wait for a free voice process."""
    stream_issued_at: Mapped[datetime]
    """When the present generation's token was issued; the token can be written again from the row."""
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None] = mapped_column(String(30))
    """Who picked up a call of ours, as Twilio's machine detection heard it; none when nobody asked."""
    ended_at: Mapped[datetime | None]
    duration_seconds: Mapped[int | None]
    checked_at: Mapped[datetime | None]
    """When Twilio was last asked about a call that had gone quiet."""
    recording_due_at: Mapped[datetime | None]
    """When Twilio may be asked (again) to record the call; none while nobody has asked."""

    conversation: Mapped[Conversation] = relationship(back_populates="call", lazy="raise")


class Turn(Base):
    """One thing said. What the caller heard of the assistant's words may be less than the words."""

    __tablename__ = "turns"

    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    speaker: Mapped[str] = mapped_column(String(20))
    text: Mapped[str] = mapped_column(Text)
    heard: Mapped[str] = mapped_column(Text)
    """For the assistant, the part that was played to the caller; for the caller, the same as `text`."""
    interrupted: Mapped[bool] = mapped_column(server_default=sql("false"))
    phase: Mapped[str] = mapped_column(String(20))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    stages_ms: Mapped[dict[str, float]] = mapped_column(server_default=sql("'{}'"))
    """Milliseconds per stage of an answer: see `shared.observability.names.STAGES`."""
    sources: Mapped[list[dict[str, Any]]] = mapped_column(server_default=sql("'[]'"))
    """Articles an answer was taken from: article_id, title, url, score."""
    origin: Mapped[str | None] = mapped_column(String(20))
    """What wrote an assistant's turn: model, rules or phrase."""
    level: Mapped[int] = mapped_column(SmallInteger, server_default=sql("0"))
    """Of degradation: `shared.degradation.levels`."""
