"""What the help desk gets: the ledger of tickets, and the summaries they are written from."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.contracts.tickets import TicketState
from shared.database.base import Base, Dated


class Ticket(Dated, Base):
    """The ledger row of one conversation's ticket: changed only by compare-and-set on `fence`."""

    __tablename__ = "tickets"
    __table_args__ = (Index("ix_tickets_state_updated_at", "state", "updated_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversations.id"), unique=True)
    marker: Mapped[str] = mapped_column(String(40), unique=True)
    state: Mapped[str] = mapped_column(String(20), server_default=TicketState.PLANNED.value)
    fence: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Grows with each claim; a run whose fence is no longer the row's has lost its lease and must not write."""
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    """Create calls begun so far."""
    sent_at: Mapped[datetime | None]
    """When the last create call began: no second one before the quiet time is over."""
    requester_id: Mapped[int | None] = mapped_column(BigInteger)
    """The help desk's user, stored before the case is created so that a crash makes no second user."""
    case_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    case_url: Mapped[str | None] = mapped_column(String(500))
    joined_ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("tickets.id"), index=True)
    """The ticket that the case was made for, when this one is a note on it: a repeat call."""
    stands_alone: Mapped[bool] = mapped_column(server_default=text("false"))
    """The case it had joined was taken away: it gets one of its own."""
    subject: Mapped[str | None] = mapped_column(String(200))
    notes_sent: Mapped[list[str]] = mapped_column(server_default=text("'[]'"))
    """Client ids of the notes known to stand on the case."""
    summary_version: Mapped[int] = mapped_column(server_default=text("0"))
    """Version of the summary the case shows."""
    parked_reason: Mapped[str | None] = mapped_column(Text)
    opened_at: Mapped[datetime | None]


class Summary(Dated, Base):
    """What a conversation came to, in the form a ticket needs."""

    __tablename__ = "summaries"

    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(server_default=text("1"))
    origin: Mapped[str] = mapped_column(String(20))
    """model or extractive."""
    subject: Mapped[str] = mapped_column(String(80))
    text: Mapped[str] = mapped_column(Text)
    wish: Mapped[str] = mapped_column(Text)
    key_points: Mapped[list[str]]
    promise: Mapped[str | None] = mapped_column(Text)
    category: Mapped[str] = mapped_column(String(60))
    priority: Mapped[str] = mapped_column(String(10))
    sentiment: Mapped[str] = mapped_column(String(20))
    model: Mapped[str | None] = mapped_column(String(100))


class HelpDeskGate(Base):
    """Whether the help desk at this address is asked at present; one row for all worker processes."""

    __tablename__ = "help_desk_gates"

    url: Mapped[str] = mapped_column(String(500), primary_key=True)
    closed_until: Mapped[datetime | None]
    """None while it answers."""
    knocking: Mapped[bool] = mapped_column(server_default=text("false"))
    """One ticket tries whether it answers again; `closed_until` is then when to stop waiting for that one."""
    opened_at: Mapped[datetime | None]


class HelpDeskProbe(Base):
    """What `make kayako-probe` found at a help desk's address."""

    __tablename__ = "help_desk_probes"

    url: Mapped[str] = mapped_column(String(500), primary_key=True)
    capabilities: Mapped[dict[str, Any]]
    """In the form of `shared.clients.kayako_capabilities`."""
    findings: Mapped[list[dict[str, Any]]]
    """Everything it said, in the form of `services.ticketing.domain.probe`."""
    probed_at: Mapped[datetime]
