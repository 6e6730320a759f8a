"""What rooms tell each other about tickets."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class TicketState(StrEnum):
    """Where a ticket stands on its way into the help desk."""

    PLANNED = "planned"
    """Wanted; no create call is under way."""
    SENDING = "sending"
    """A create call may be under way; its lease says until when."""
    UNKNOWN = "unknown"
    """A create call was made and its result is not known: look before any second try."""
    OPEN = "open"
    """The case stands in the help desk."""
    PARKED = "parked"
    """The help desk refuses it; a person must mend and replay."""


class Ticket(BaseModel):
    """A ticket as the record knows it."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    id: UUID
    conversation_id: UUID
    state: TicketState
    marker: str = Field(description="tag that the case carries in the help desk", examples=["call-ca0f3e5b7c9d1e2f"])
    subject: str | None
    case_id: int | None
    case_url: str | None
    attempts: int
    parked_reason: str | None
    joined_ticket_id: UUID | None = Field(
        default=None,
        description="the earlier ticket about the same problem, on whose case this one is a note",
    )
    created_at: datetime
    opened_at: datetime | None


class TicketPage(BaseModel):
    """A page of tickets, newest first."""

    model_config = ConfigDict(extra="forbid")

    tickets: list[Ticket]
    total: int
