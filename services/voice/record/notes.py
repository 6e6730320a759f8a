"""What a call tells the record: turns as they are finished, the state after them, and its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.contracts.calls import MediaState, NextStep
from shared.contracts.conversations import Outcome, Speaker
from shared.contracts.relay import Transport
from shared.rates.usage import Used
from shared.record.turns import storable


@dataclass(frozen=True, slots=True)
class CallKey:
    """Which call, and as which generation of its stream we speak for it."""

    call_id: UUID
    conversation_id: UUID
    generation: int
    call_sid: str = ""
    """Under which it is kept while the database is away; without one it waits here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnNote:
    """One thing said; the columns of `turns`."""

    number: int
    speaker: Speaker
    text: str
    heard: str
    phase: str
    started_at: datetime
    ended_at: datetime
    interrupted: bool = False
    stages_ms: Mapping[str, float] = field(default_factory=dict)
    sources: list[dict[str, Any]] = field(default_factory=list)
    origin: str | None = None
    level: int = 0

    def as_row(self, conversation_id: UUID) -> dict[str, Any]:
        """The row to insert; card numbers and characters no database takes are not in it."""
        return {
            "conversation_id": conversation_id,
            "number": self.number,
            "speaker": self.speaker.value,
            "text": storable(self.text),
            "heard": storable(self.heard),
            "interrupted": self.interrupted,
            "phase": self.phase,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "stages_ms": dict(self.stages_ms),
            "sources": self.sources,
            "origin": self.origin,
            "level": self.level,
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the conversation stands: the columns of `conversations` that follow from its state."""

    checkpoint: dict[str, Any]
    email: str | None
    email_confirmed: bool
    notice_heard: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionNote:
    """What this process did for the call; the columns of `call_sessions`, and what it used of whom."""

    transport: Transport
    seconds: float
    interruptions: int
    false_interruptions: int
    silences: int
    kept_characters: int
    used: tuple[Used, ...]

    def as_row(self, key: CallKey) -> dict[str, Any]:
        """The row to insert."""
        return {
            "call_id": key.call_id,
            "generation": key.generation,
            "transport": self.transport.value,
            "seconds": self.seconds,
            "interruptions": self.interruptions,
            "false_interruptions": self.false_interruptions,
            "silences": self.silences,
            "kept_characters": self.kept_characters,
        }


@dataclass(frozen=True, slots=True)
class Ending:
    """How the voice process leaves the call."""

    media_state: MediaState
    """FINISHED when everything was said, LOST when the stream broke off before."""
    next_step: NextStep | None = None
    outcome: Outcome | None = None
    """None when the conversation goes on elsewhere; a LOST call has one when its caller may have hung up."""
    session: SessionNote | None = None
    """The figures of this process, wherever the call goes on."""


def contributor(key: CallKey) -> str:
    """Under which name the charges of this process's part of the call are written."""
    return f"voice:{key.generation}"
