"""The assistants of a deployment and the numbers they answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shared.contracts.agents import VoicePreference
from shared.contracts.calls import OnMachine, TransferMode
from shared.contracts.conversations import EmailPolicy, Opening, RepeatPolicy, TicketPolicy
from shared.contracts.relay import Transport
from shared.database.base import Base, Dated


class Agent(Dated, Base):
    """One assistant: its company, its voice, its knowledge, its rules."""

    __tablename__ = "agents"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    company: Mapped[str] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(16), server_default="en")
    voice: Mapped[str] = mapped_column(String(100), server_default="aura-2-thalia-en")
    other_voices: Mapped[list[str]] = mapped_column(server_default=text("'[]'"))
    voice_preference: Mapped[str] = mapped_column(String(20), server_default=VoicePreference.QUALITY.value)
    greeting: Mapped[str] = mapped_column(Text)
    opening: Mapped[str] = mapped_column(String(20), server_default=Opening.GREET.value)
    instructions: Mapped[str] = mapped_column(Text, server_default="")
    tone: Mapped[str] = mapped_column(String(200), server_default="friendly, brief")
    knowledge_collection: Mapped[str] = mapped_column(String(50), server_default="default")
    tools: Mapped[list[str]] = mapped_column(
        server_default=text("""'["search_knowledge", "open_ticket", "end_call"]'""")
    )
    ticket_policy: Mapped[str] = mapped_column(String(30), server_default=TicketPolicy.EVERY_CONVERSATION.value)
    repeat_policy: Mapped[str] = mapped_column(String(30), server_default=RepeatPolicy.JOIN_OPEN_TICKET.value)
    email_policy: Mapped[str] = mapped_column(String(30), server_default=EmailPolicy.ALWAYS.value)
    transfer_number: Mapped[str | None] = mapped_column(String(32))
    transfer_digits: Mapped[str | None] = mapped_column(String(32))
    """Keys pressed when somebody picks up there: an extension, the way through a menu."""
    transfer_mode: Mapped[str] = mapped_column(String(10), server_default=TransferMode.COLD.value)
    on_machine: Mapped[str] = mapped_column(String(20), server_default=OnMachine.HANG_UP.value)
    takes_messages: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether a caller whom nobody can talk to is asked to leave a message."""
    when_full: Mapped[list[str]] = mapped_column(server_default=text("""'["wait", "call_back"]'"""))
    """What callers are offered while no voice process is free (`shared.contracts.calls.WhenFull`)."""
    records_calls: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether calls are recorded; each caller is told before the recording begins."""
    hearing: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """Who hears the callers, in the form of `shared.contracts.agents.HearingOptions`."""
    languages: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"))
    """Further languages that callers may ask for, each in the form of `shared.contracts.agents.FurtherLanguage`."""
    recorded: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"))
    """Sentences that a person has recorded, each in the form of `shared.contracts.agents.RecordedSentence`."""
    transport: Mapped[str] = mapped_column(String(20), server_default=Transport.MEDIA_STREAMS.value)
    relay: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    """What ConversationRelay is told, in the form of `shared.contracts.relay`."""
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))

    numbers: Mapped[list[AgentNumber]] = relationship(
        back_populates="agent", lazy="raise", cascade="all, delete-orphan", passive_deletes=True
    )


class AgentNumber(Base):
    """A telephone number, answered by exactly one agent."""

    __tablename__ = "agent_numbers"

    number: Mapped[str] = mapped_column(String(32), primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)

    agent: Mapped[Agent] = relationship(back_populates="numbers", lazy="raise")
