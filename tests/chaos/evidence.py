"""Both sides of a call, reduced to what can be compared: what the lab saw, what the record holds, what the desk got.

All times are seconds of the wall clock since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lab.speech.encoder import CHARACTERS_A_SECOND, Speaker
from lab.speech.mulaw import RATE
from lab.speech.transcript import PAUSE
from lab.twilio import records
from lab.twilio.records import CallRecord
from shared.contracts.conversations import Outcome, TicketPolicy
from tests.chaos.traffic import Kind

PROMISES = ("we will call you back", "we have your message", "somebody will call you")
"""Words after which a caller may count on us, by whoever they were spoken."""

LAB_LATE_S = 0.8
"""A lab that falls further behind sends sound in bunches that no telephone sends; past a second of it is dropped."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words that were spoken without a break."""

    text: str
    began: float
    ended: float
    is_complete: bool
    by_platform: bool = False
    """What the caller heard: our assistant, and not the network's own voice or a colleague."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A media stream or relay session."""

    opened: float
    closed: float
    was_cut: bool
    """It ended without a goodbye of the platform's, while the call went on."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A request to the platform, as it could be sent once more."""

    purpose: str
    url: str
    fields: Mapping[str, str]
    status: int | None


@dataclass(frozen=True, slots=True)
class LabCall:
    """A call as the telephone network and the caller knew it."""

    sid: str
    kind: Kind
    number: str
    placed: float
    ended: float
    status: str
    ended_by: str
    said: Sequence[Utterance] = ()
    heard: Sequence[Utterance] = ()
    connections: Sequence[Connection] = ()
    was_connected: bool = False
    """Whether it was ever told to connect to a voice process: then its row was written."""
    late_s: float = 0.0
    """How far the lab itself fell behind with this call's sound, at worst."""
    webhooks: Sequence[Webhook] = field(default=(), repr=False)

    @property
    def was_promised_something(self) -> bool:
        """Whether the caller heard that we will deal with it."""
        return any(promise in one.text.lower() for one in self.heard for promise in PROMISES)


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """A row of `turns`."""

    number: int
    by_caller: bool
    text: str
    heard: str
    interrupted: bool


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call's rows."""

    sid: str
    status: str
    is_ended: bool
    is_closed: bool
    outcome: str | None
    policy: str
    media_state: str
    generations: int
    marker: str | None
    """Of its ticket; None when there is none."""
    ticket_state: str | None
    case_id: int | None
    turns: Sequence[StoredTurn] = ()

    @property
    def outcome_and_policy(self) -> tuple[Outcome, TicketPolicy] | None:
        """What decides whether there is a ticket."""
        return (Outcome(self.outcome), TicketPolicy(self.policy)) if self.outcome else None


@dataclass(frozen=True, slots=True)
class DeskCase:
    """A case of the help desk, as it really is."""

    id: int
    tags: Sequence[str]
    is_active: bool
    created: float


def read_call(record: CallRecord, kind: Kind, speed: float) -> LabCall:
    """What the lab recorded of a call that is over."""
    placed = record.placed_at.timestamp()

    def wall(at: float) -> float:
        return placed + at / speed

    said, heard, connections, webhooks = [], [], [], []
    opened: float | None = None
    connected = False
    for event in record.events:
        match event:
            case records.Said(text=text, at=at, began_at=from_, is_complete=complete):
                said.append(
                    Utterance(text, *_times(text, wall(from_), wall(at), speed, is_complete=complete), complete)
                )
            case records.Heard(text=text, at=at, began_at=from_, is_complete=complete, speaker=speaker):
                times = _times(text, wall(from_), wall(at), speed, is_complete=complete)
                heard.append(Utterance(text, *times, complete, by_platform=speaker == Speaker.ASSISTANT))
            case records.StreamOpened(at=at) | records.RelayOpened(at=at):
                opened = at
            case records.StreamClosed(at=at, closed_by=by, code=code) if opened is not None:
                connections.append(Connection(wall(opened), wall(at), by == "platform" and code != NORMAL))
                opened = None
            case records.RelayClosed(at=at, status=status) if opened is not None:
                connections.append(Connection(wall(opened), wall(at), status == "failed"))
                opened = None
            case records.TwimlReceived(twiml=twiml):
                connected = connected or "<Connect" in twiml
            case records.WebhookSent(purpose=purpose, url=url, fields=fields, status=answered):
                webhooks.append(Webhook(purpose, url, fields, answered))
            case _:
                continue
    ended_at = record.ended_at or 0.0
    return LabCall(
        sid=record.sid,
        kind=kind,
        number=record.from_number,
        placed=placed,
        ended=wall(ended_at),
        status=record.status,
        ended_by=record.ended_by or "",
        said=said,
        heard=heard,
        connections=connections,
        was_connected=connected,
        late_s=record.most_late_s / speed,
        webhooks=webhooks,
    )


def _times(text: str, from_: float, told: float, speed: float, *, is_complete: bool) -> tuple[float, float]:
    """When it began and ended, from the frame in which it began and the moment at which its end was told.

    Counted frames come late when the lab is busy; the moment is the clock's. The end of what was cut off is told after
    a pause, unless the line ended before.
    """
    ended = told if is_complete else told - PAUSE / RATE / speed
    return min(from_, ended - len(text) / CHARACTERS_A_SECOND / speed), ended


NORMAL = 1000
"""The close code of a conversation that came to its end."""


def read_case(row: Mapping[str, Any]) -> DeskCase:
    """A row of the lab's `/lab/cases`."""
    return DeskCase(
        id=row["id"],
        tags=row["tags"],
        is_active=row["state"] == "ACTIVE",
        created=datetime.fromisoformat(row["created_at"]).timestamp(),
    )
