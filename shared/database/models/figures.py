"""What a call was like and what it used, in numbers: written by everybody who did something for it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Numeric, String, func
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.base import Base


class CallSession(Base):
    """What one voice process did for a call, as one generation of its stream; written with that session's end."""

    __tablename__ = "call_sessions"

    call_id: Mapped[UUID] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    transport: Mapped[str] = mapped_column(String(20))
    seconds: Mapped[float]
    interruptions: Mapped[int]
    """Replies that the caller broke off."""
    false_interruptions: Mapped[int]
    """Pauses after which our speech went on."""
    silences: Mapped[int]
    """How often the caller was asked whether they are still there."""
    kept_characters: Mapped[int]
    """Characters whose sound was kept from an earlier call: spoken, and not paid for."""


class Charge(Base):
    """So much of one product, and its price by the rate card; never changed once it is written."""

    __tablename__ = "charges"
    __table_args__ = (Index("ix_charges_noted_at", "noted_at"),)

    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)
    contributor: Mapped[str] = mapped_column(String(60), primary_key=True)
    """Who used it: makes a repeated report change nothing."""
    provider: Mapped[str] = mapped_column(String(30), primary_key=True)
    item: Mapped[str] = mapped_column(String(100), primary_key=True)
    unit: Mapped[str] = mapped_column(String(30), primary_key=True)
    quantity: Mapped[Decimal] = mapped_column(Numeric(18, 3))
    is_estimate: Mapped[bool] = mapped_column(server_default=sql("false"))
    """At least some of it was counted by us because the provider did not say."""
    amount: Mapped[Decimal | None] = mapped_column(Numeric(22, 12))
    """None when no price is known."""
    currency: Mapped[str | None] = mapped_column(String(3))
    rate_valid_from: Mapped[date | None]
    """The first day of the rate it was priced by."""
    noted_at: Mapped[datetime] = mapped_column(server_default=func.now())
