"""One row of figures per conversation; no words in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, String, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.base import Base


class ConversationFacts(Base):
    """What a conversation was like, in numbers."""

    __tablename__ = "conversation_facts"

    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id"), index=True)
    channel: Mapped[str] = mapped_column(String(20))
    started_at: Mapped[datetime] = mapped_column(index=True)
    duration_seconds: Mapped[float]
    outcome: Mapped[str] = mapped_column(String(30))
    caller_turns: Mapped[int]
    assistant_turns: Mapped[int]
    interruptions: Mapped[int]
    questions: Mapped[int]
    questions_found: Mapped[int]
    """Questions for which the knowledge base had something above the threshold."""
    email_confirmed: Mapped[bool]
    answer_ms_median: Mapped[float | None]
    """From the end of the caller's turn to the first audio of the answer."""
    answer_ms_worst: Mapped[float | None]
    false_interruptions: Mapped[int] = mapped_column(server_default=text("0"))
    silences: Mapped[int] = mapped_column(server_default=text("0"))
    stages: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """By stage: `count`, and `median_ms` and `worst_ms` over the turns."""
    cost: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """`known`: amounts by currency, as strings; `unknown`: what has no price, in words."""
    recorded_at: Mapped[datetime]
