"""Work that waits: outbox, inbox, dead letters and the claims of periodic jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Index, String, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.base import Base


class OutboxRow(Base):
    """A task to publish, written in the transaction that made it necessary."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_due_at", "due_at", postgresql_where=text("sent_at IS NULL")),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    task: Mapped[str] = mapped_column(String(100))
    order_key: Mapped[str] = mapped_column(String(100), index=True)
    """The id of what the task is about."""
    payload: Mapped[dict[str, Any]]
    """Keyword arguments: identifiers only, never personal data."""
    trace_id: Mapped[str] = mapped_column(String(32), server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[datetime | None]


class InboxRow(Base):
    """A delivery that a consumer has taken; the second one finds the row and does nothing."""

    __tablename__ = "inbox"

    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    consumer: Mapped[str] = mapped_column(String(100), primary_key=True)
    taken_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class DeadLetter(Base):
    """A task that gave up, kept where people can see and replay it."""

    __tablename__ = "dead_letters"

    task_id: Mapped[UUID] = mapped_column(primary_key=True)
    task: Mapped[str] = mapped_column(String(100))
    queue: Mapped[str] = mapped_column(String(30), index=True)
    payload: Mapped[dict[str, Any]]
    error: Mapped[str] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(Text)
    trace_id: Mapped[str] = mapped_column(String(32), server_default="")
    failed_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)
    replayed_at: Mapped[datetime | None]


class Reconciliation(Base):
    """What the last look found of one kind of disagreement, and what was mended of it so far."""

    __tablename__ = "reconciliations"

    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    found: Mapped[int] = mapped_column(server_default=text("0"))
    """By the last look, mended or not."""
    mended: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    """Ever since."""
    looked_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PeriodClaim(Base):
    """A periodic job's claim on one period: two schedulers, one run."""

    __tablename__ = "period_claims"

    job: Mapped[str] = mapped_column(String(100), primary_key=True)
    period: Mapped[datetime] = mapped_column(primary_key=True)
    claimed_at: Mapped[datetime] = mapped_column(server_default=func.now())
