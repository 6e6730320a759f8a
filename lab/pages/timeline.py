"""A call as people read it: what was said and heard, and every event in a line."""

from __future__ import annotations

from dataclasses import dataclass

from lab.speech.encoder import Speaker
from lab.twilio import records
from lab.twilio.records import CallRecord, Event

VOICES = {
    Speaker.CALLER: "Caller",
    Speaker.ASSISTANT: "Assistant",
    Speaker.NETWORK: "Telephone network",
    Speaker.COLLEAGUE: "Colleague",
}


@dataclass(frozen=True)
class Utterance:
    """Something that was spoken, as far as it was heard."""

    at: float
    voice: str
    text: str
    by_caller: bool
    was_cut: bool


@dataclass(frozen=True)
class Row:
    """One event of the timeline."""

    at: float
    kind: str
    """Chooses the colour: `speech`, `request`, `media`, `problem` or `state`."""
    title: str
    text: str = ""
    details: str = ""
    """Shown on demand, as it is, in a fixed-width font."""


def dialogue(record: CallRecord) -> list[Utterance]:
    """The spoken words, in the order they began."""
    spoken = []
    for event in record.events:
        if isinstance(event, records.Said):
            spoken.append(
                Utterance(event.began_at, "Caller", event.text, by_caller=True, was_cut=not event.is_complete)
            )
        elif isinstance(event, records.Heard):
            was_cut = not event.is_complete or event.missing > 0
            spoken.append(
                Utterance(event.began_at, _voice(event.speaker), event.text, by_caller=False, was_cut=was_cut)
            )
    return sorted(spoken, key=lambda utterance: utterance.at)


def _voice(speaker: int) -> str:
    return VOICES.get(Speaker(speaker), "Somebody") if speaker in set(Speaker) else "Somebody"


def rows(record: CallRecord) -> list[Row]:
    """Every event, in the order it happened."""
    return [_row(event) for event in sorted(record.events, key=lambda event: event.at)]


def _row(event: Event) -> Row:  # noqa: C901, PLR0911, PLR0912  (one branch for each kind of event)
    match event:
        case records.CallPlaced():
            return Row(event.at, "state", "Call placed", f"{event.from_number} to {event.to_number}")
        case records.StatusChanged():
            return Row(event.at, "state", "Status", event.status)
        case records.WebhookSent():
            return _webhook(event)
        case records.TwimlReceived():
            return Row(event.at, "request", "TwiML received", event.url, event.twiml)
        case records.VerbStarted():
            return Row(event.at, "request", f"<{event.verb}>", "", _pairs(event.attributes))
        case records.StreamOpened():
            return Row(event.at, "media", "Media stream opened", event.url)
        case records.MarkEchoed():
            return Row(event.at, "media", "Mark", f"{event.name}, {'played' if event.was_played else 'cleared'}")
        case records.BufferCleared():
            return Row(event.at, "media", "Cleared", f"{event.dropped_s:.2f} s never heard, {event.marks} marks back")
        case records.StreamClosed():
            code = f", code {event.code}" if event.code is not None else ""
            return Row(event.at, "media", "Media stream closed", f"by the {event.closed_by}{code}")
        case records.RelayOpened():
            return Row(event.at, "media", "Relay session opened", event.url)
        case records.RelayMessage():
            return Row(event.at, "media", f"Relay message by the {event.by}", "", event.text)
        case records.Interrupted():
            return Row(event.at, "media", "Interrupted", f"{event.dropped_s:.2f} s never heard, after: {event.spoken}")
        case records.RelayClosed():
            code = f", error {event.error_code}" if event.error_code is not None else ""
            return Row(event.at, "media", "Relay session closed", f"{event.status}{code}")
        case records.Said():
            return Row(event.at, "speech", "Caller said", event.text)
        case records.Heard():
            return Row(event.at, "speech", f"Caller heard {_voice(event.speaker).lower()}", event.text)
        case records.KeyPressed():
            return Row(event.at, "speech", "Key pressed", event.key)
        case records.Noted():
            return Row(event.at, "speech", "Caller’s reason", event.note)
        case records.Problem():
            return Row(event.at, "problem", f"Problem {event.code}" if event.code else "Problem", event.message)
        case records.CallEnded():
            return Row(
                event.at, "state", "Call ended", f"{event.status}, by {event.ended_by}, {event.duration_s:.1f} s"
            )


def _webhook(event: records.WebhookSent) -> Row:
    answer = f"status {event.status}" if event.status is not None else "no answer"
    again = f", attempt {event.attempt}" if event.attempt > 1 else ""
    error = f", error {event.error_code}" if event.error_code is not None else ""
    failed = event.status is None or event.status >= 400
    return Row(
        event.at,
        "problem" if failed else "request",
        f"Webhook: {event.purpose}",
        f"{event.method} {event.url}: {answer} in {event.elapsed_ms:.0f} ms{again}{error}",
        _pairs(event.fields),
    )


def _pairs(fields: dict[str, str]) -> str:
    return "\n".join(f"{name}: {value}" for name, value in fields.items())
