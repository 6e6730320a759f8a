"""What happened in a call: typed events with times, and the record that holds them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Direction = Literal["inbound", "outbound-api", "outbound-dial"]
Status = Literal[
    "queued", "initiated", "ringing", "in-progress", "completed", "busy", "failed", "no-answer", "canceled"
]
FINAL: tuple[Status, ...] = ("completed", "busy", "failed", "no-answer", "canceled")
EndedBy = Literal["caller", "twiml", "rest", "callee", "time limit", "error"]


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    at: float
    """Call seconds since the call was placed."""


class CallPlaced(_Event, frozen=True, kw_only=True):
    """Somebody dialled."""

    sid: str
    from_number: str
    to_number: str
    direction: Direction
    what: str = "a call in the phone lab: stand-ins, not the real services"


class StatusChanged(_Event, frozen=True, kw_only=True):
    """The call went into another state."""

    status: Status


class WebhookSent(_Event, frozen=True, kw_only=True):
    """One attempt of one request to the platform, when it was over."""

    purpose: str
    """`voice`, `action`, `redirect`, `fallback`, `status`, `stream status`, `recording`, `machine`, `whisper`,
    `play`."""
    method: str
    url: str
    fields: dict[str, str]
    attempt: int
    """1 for the first."""
    status: int | None
    """HTTP status of the answer; None when none came."""
    elapsed_ms: float
    """Wall-clock milliseconds."""
    error_code: int | None = None


class TwimlReceived(_Event, frozen=True, kw_only=True):
    """A document to carry out."""

    url: str
    twiml: str


class VerbStarted(_Event, frozen=True, kw_only=True):
    """A verb of the document."""

    verb: str
    attributes: dict[str, str]


class StreamOpened(_Event, frozen=True, kw_only=True):
    """A media stream's socket is open."""

    stream_sid: str
    url: str


class MarkEchoed(_Event, frozen=True, kw_only=True):
    """A mark went back to the platform."""

    name: str
    was_played: bool
    """False when `clear` brought it back although the sound before it was dropped."""


class BufferCleared(_Event, frozen=True, kw_only=True):
    """The platform sent `clear`."""

    dropped_s: float
    """Seconds of sound the caller will never hear."""
    marks: int


class StreamClosed(_Event, frozen=True, kw_only=True):
    """A media stream is over."""

    stream_sid: str
    closed_by: Literal["platform", "network"]
    code: int | None
    """The platform's close code; None when it vanished or when we closed."""


class RelayOpened(_Event, frozen=True, kw_only=True):
    """A relay session's socket is open."""

    session_id: str
    url: str


class RelayMessage(_Event, frozen=True, kw_only=True):
    """One message of a relay session, as it stood on the wire."""

    by: Literal["platform", "network"]
    text: str


class Interrupted(_Event, frozen=True, kw_only=True):
    """A relay session fell silent because its caller spoke or pressed a key."""

    spoken: str
    """What of the talk cycle the caller had heard, in whole words."""
    dropped_s: float


class RelayClosed(_Event, frozen=True, kw_only=True):
    """A relay session is over."""

    session_id: str
    status: Literal["ended", "completed", "failed"]
    error_code: int | None


class Said(_Event, frozen=True, kw_only=True):
    """Words the person on the line spoke."""

    text: str
    began_at: float
    is_complete: bool


class Heard(_Event, frozen=True, kw_only=True):
    """Words that were played to the person on the line, to the character."""

    speaker: int
    """One of `lab.speech.encoder.Speaker`."""
    text: str
    began_at: float
    is_complete: bool
    missing: int
    """Characters lost inside it or before it."""


class KeyPressed(_Event, frozen=True, kw_only=True):
    """The person pressed a key."""

    key: str


class Noted(_Event, frozen=True, kw_only=True):
    """Why the person did what they do next."""

    note: str


class Problem(_Event, frozen=True, kw_only=True):
    """An error or warning in Twilio's numbering; 0 marks what only this stand-in cannot do."""

    code: int
    message: str


class CallEnded(_Event, frozen=True, kw_only=True):
    """Always the last event."""

    status: Status
    ended_by: EndedBy
    duration_s: float
    """Call seconds since the call was answered."""


Event = (
    CallPlaced
    | StatusChanged
    | WebhookSent
    | TwimlReceived
    | VerbStarted
    | StreamOpened
    | MarkEchoed
    | BufferCleared
    | StreamClosed
    | RelayOpened
    | RelayMessage
    | Interrupted
    | RelayClosed
    | Said
    | Heard
    | KeyPressed
    | Noted
    | Problem
    | CallEnded
)


class StreamRecord(msgspec.Struct, kw_only=True):
    """Counts of one media stream."""

    stream_sid: str
    frames_sent: int = 0
    messages_received: int = 0
    audio_received_s: float = 0.0
    discarded_s: float = 0.0
    """Sound beyond the ten minutes that may be queued."""
    refused: dict[str, int] = msgspec.field(default_factory=dict)
    """Messages of the platform that broke a rule, by reason."""


class RecordingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One recording, ready or being made."""

    sid: str
    call_sid: str
    source: str
    channels: int
    track: str
    seconds: int
    made_at: datetime
    status: str = "completed"


class RelayRecord(msgspec.Struct, kw_only=True):
    """One relay session."""

    session_id: str
    refused: int = 0
    """Messages of the platform that broke a rule."""
    digits: list[str] = msgspec.field(default_factory=list)
    """Keys the platform pressed."""
    speech_language: str = ""
    """In which the network speaks now."""
    hearing_language: str = ""
    handoff: str | None = None


class CallRecord(msgspec.Struct, kw_only=True):
    """One call, complete when `ended_by` is set."""

    sid: str
    account_sid: str
    from_number: str
    to_number: str
    direction: Direction
    placed_at: datetime
    parent_sid: str | None = None
    scenario: str | None = None
    """The name of the simulated caller's scenario."""
    status: Status = "queued"
    answered_at: float | None = None
    """Call seconds since the call was placed."""
    ended_at: float | None = None
    ended_by: EndedBy | None = None
    answered_by: str | None = None
    """What machine detection made of whoever picked up."""
    recordings: list[RecordingRecord] = msgspec.field(default_factory=list)
    most_late_s: float = 0.0
    """The worst delay of a 20 ms tick, in call seconds: how far the lab itself fell behind."""
    streams: list[StreamRecord] = msgspec.field(default_factory=list)
    relays: list[RelayRecord] = msgspec.field(default_factory=list)
    events: list[Event] = msgspec.field(default_factory=list)

    @property
    def duration_s(self) -> float:
        """Call seconds from answer to end; 0 when nobody answered."""
        if self.answered_at is None or self.ended_at is None:
            return 0.0
        return self.ended_at - self.answered_at

    @property
    def heard(self) -> list[str]:
        """What was played to the person, utterance by utterance."""
        return [event.text for event in self.events if isinstance(event, Heard)]

    @property
    def said(self) -> list[str]:
        """What the person spoke, utterance by utterance."""
        return [event.text for event in self.events if isinstance(event, Said)]

    @property
    def problems(self) -> list[int]:
        """Error and warning codes in order."""
        return [event.code for event in self.events if isinstance(event, Problem)]


class CallSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a list of calls."""

    sid: str
    from_number: str
    to_number: str
    direction: Direction
    status: Status
    scenario: str | None
    placed_at: datetime
    duration_s: float
    problems: int


def summary(record: CallRecord) -> CallSummary:
    """The record without its events."""
    return CallSummary(
        sid=record.sid,
        from_number=record.from_number,
        to_number=record.to_number,
        direction=record.direction,
        status=record.status,
        scenario=record.scenario,
        placed_at=record.placed_at,
        duration_s=round(record.duration_s, 2),
        problems=len(record.problems),
    )
