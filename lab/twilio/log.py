"""A call's record while it is being written, and those who read along."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Literal

from lab.speech.transcript import Utterance
from lab.twilio.pace import Pace
from lab.twilio.records import (
    BufferCleared,
    CallEnded,
    CallPlaced,
    CallRecord,
    EndedBy,
    Event,
    Heard,
    Interrupted,
    KeyPressed,
    MarkEchoed,
    Noted,
    Problem,
    RelayClosed,
    RelayMessage,
    RelayOpened,
    Said,
    StatusChanged,
    StreamClosed,
    StreamOpened,
    TwimlReceived,
    VerbStarted,
    WebhookSent,
)
from lab.twilio.webhooks import Attempt


class CallLog:
    """Notes what happens, with the call time at which it did."""

    def __init__(self, record: CallRecord, pace: Pace) -> None:
        self.record = record
        self._pace = pace
        self._changed = asyncio.Event()

    def now(self) -> float:
        """Call seconds since the call was placed."""
        return round(self._pace.now(), 4)

    async def follow(self) -> AsyncIterator[Event]:
        """All events from the first to the last, as they come."""
        place = 0
        while True:
            changed = self._changed
            events = self.record.events[place:]
            for event in events:
                yield event
                if isinstance(event, CallEnded):
                    return
            place += len(events)
            if not events:
                await changed.wait()

    def _add(self, event: Event) -> None:
        self.record.events.append(event)
        self._changed.set()
        self._changed = asyncio.Event()

    def placed(self) -> None:
        """Somebody dialled."""
        record = self.record
        self._add(
            CallPlaced(
                at=self.now(),
                sid=record.sid,
                from_number=record.from_number,
                to_number=record.to_number,
                direction=record.direction,
            )
        )

    def status(self) -> None:
        """The call went into the state its record shows."""
        self._add(StatusChanged(at=self.now(), status=self.record.status))

    def attempted(self, attempt: Attempt) -> None:
        """One attempt of a webhook is over."""
        self._add(
            WebhookSent(
                at=self.now(),
                purpose=attempt.purpose,
                method=attempt.method,
                url=attempt.url,
                fields=dict(attempt.fields),
                attempt=attempt.number,
                status=attempt.status,
                elapsed_ms=round(attempt.elapsed_ms, 2),
                error_code=attempt.error_code,
            )
        )

    def received(self, url: str, twiml: str) -> None:
        """A document came."""
        self._add(TwimlReceived(at=self.now(), url=url, twiml=twiml))

    def started(self, verb: str, attributes: Mapping[str, str]) -> None:
        """A verb begins."""
        self._add(VerbStarted(at=self.now(), verb=verb, attributes=dict(attributes)))

    def problem(self, code: int, message: str) -> None:
        """An error or warning."""
        self._add(Problem(at=self.now(), code=code, message=message))

    def stream_opened(self, stream_sid: str, url: str) -> None:
        """A media stream is connected."""
        self._add(StreamOpened(at=self.now(), stream_sid=stream_sid, url=url))

    def stream_closed(self, stream_sid: str, closed_by: Literal["platform", "network"], code: int | None) -> None:
        """A media stream is over."""
        self._add(StreamClosed(at=self.now(), stream_sid=stream_sid, closed_by=closed_by, code=code))

    def mark_echoed(self, name: str, *, was_played: bool) -> None:
        """A mark went back."""
        self._add(MarkEchoed(at=self.now(), name=name, was_played=was_played))

    def cleared(self, dropped_s: float, marks: int) -> None:
        """The platform dropped what waited to be played."""
        self._add(BufferCleared(at=self.now(), dropped_s=dropped_s, marks=marks))

    def relay_opened(self, session_id: str, url: str) -> None:
        """A relay session is connected."""
        self._add(RelayOpened(at=self.now(), session_id=session_id, url=url))

    def relayed(self, by: Literal["platform", "network"], text: str) -> None:
        """A message of a relay session."""
        self._add(RelayMessage(at=self.now(), by=by, text=text))

    def interrupted(self, spoken: str, dropped_s: float) -> None:
        """A relay session fell silent for its caller."""
        self._add(Interrupted(at=self.now(), spoken=spoken, dropped_s=dropped_s))

    def relay_closed(
        self, session_id: str, status: Literal["ended", "completed", "failed"], error_code: int | None
    ) -> None:
        """A relay session is over."""
        self._add(RelayClosed(at=self.now(), session_id=session_id, status=status, error_code=error_code))

    def said(self, utterance: Utterance, line_began_at: float) -> None:
        """The person spoke."""
        began = round(line_began_at + utterance.began_s, 3)
        self._add(Said(at=self.now(), text=utterance.text, began_at=began, is_complete=utterance.is_complete))

    def heard(self, utterance: Utterance, line_began_at: float) -> None:
        """The person was spoken to."""
        self._add(
            Heard(
                at=self.now(),
                speaker=utterance.speaker,
                text=utterance.text,
                began_at=round(line_began_at + utterance.began_s, 3),
                is_complete=utterance.is_complete,
                missing=utterance.missing,
            )
        )

    def key(self, key: str) -> None:
        """The person pressed a key."""
        self._add(KeyPressed(at=self.now(), key=key))

    def noted(self, note: str) -> None:
        """The person decided something."""
        self._add(Noted(at=self.now(), note=note))

    def ended(self, by: EndedBy) -> None:
        """Everything is over; nothing is noted afterwards."""
        record = self.record
        duration = round(record.duration_s, 3)
        self._add(CallEnded(at=self.now(), status=record.status, ended_by=by, duration_s=duration))
