"""What calls do beyond talking: orders to call somebody, transfers to a person, recordings."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, String, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.contracts.calls import OutboundState
from shared.database.base import Base, Dated


class OutboundCall(Dated, Base):
    """An order to call somebody: written before Twilio is asked, so that no order is ever carried out twice."""

    __tablename__ = "outbound_calls"
    __table_args__ = (
        Index("ix_outbound_calls_requested_at", "requested_at"),
        Index("ix_outbound_calls_to_number_requested_at", "to_number", "requested_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    idempotency_key: Mapped[str] = mapped_column(String(200), unique=True)
    api_key_id: Mapped[UUID] = mapped_column(ForeignKey("api_keys.id"))
    """Who ordered it; limits count by it."""
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id"))
    to_number: Mapped[str] = mapped_column(String(32))
    from_number: Mapped[str] = mapped_column(String(32))
    message: Mapped[str] = mapped_column(Text)
    """What the assistant says first, after it has said who it is."""
    state: Mapped[str] = mapped_column(String(20), server_default=OutboundState.PLANNED.value)
    call_sid: Mapped[str | None] = mapped_column(String(34), unique=True)
    reason: Mapped[str | None] = mapped_column(String(200))
    """Why there is no call."""
    requested_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    """When Twilio was last asked to place it."""


class Transfer(Base):
    """The latest attempt to put a call through to a person."""

    __tablename__ = "transfers"

    call_id: Mapped[UUID] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[str] = mapped_column(String(32))
    mode: Mapped[str] = mapped_column(String(10))
    outcome: Mapped[str | None] = mapped_column(String(20))
    """None while the person is rung or talks."""
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    seconds: Mapped[int | None]
    """How long the two talked, as Twilio reports it."""


class Recording(Dated, Base):
    """Sound that Twilio keeps: a reference to it, never the sound."""

    __tablename__ = "recordings"

    recording_sid: Mapped[str] = mapped_column(String(34), primary_key=True)
    call_id: Mapped[UUID] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(20))
    url: Mapped[str | None] = mapped_column(String(500))
    seconds: Mapped[int | None]


class CallPermission(Base):
    """What somebody has said about being called. Withdrawn it stays: who asks later must be told what held when."""

    __tablename__ = "call_permissions"
    __table_args__ = (
        Index(
            "uq_call_permissions_number_kind_in_force",
            "number",
            "kind",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    number: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(10))
    source: Mapped[str] = mapped_column(String(10))
    evidence: Mapped[str] = mapped_column(Text, server_default="")
    """How it is known: a form, a letter, a contract."""
    conversation_id: Mapped[UUID | None] = mapped_column(ForeignKey("conversations.id", ondelete="SET NULL"))
    """Where it was said to the assistant."""
    given_at: Mapped[datetime] = mapped_column(server_default=func.now())
    withdrawn_at: Mapped[datetime | None]
