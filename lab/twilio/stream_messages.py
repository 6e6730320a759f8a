"""The JSON messages of Media Streams: those Twilio sends, and those it takes, which must be exact."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

import msgspec

from lab.speech.mulaw import SILENCE

_SILENCE_PAYLOAD = b64encode(SILENCE).decode()


class _Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    payload: bytes
    """Base64 on the wire."""


class _Name(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str


class Media(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="event", tag="media", rename="camel"):
    """Sound to play."""

    stream_sid: str
    media: _Payload


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="event", tag="mark", rename="camel"):
    """A name to send back when everything before it was played."""

    stream_sid: str
    mark: _Name


class Clear(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="event", tag="clear", rename="camel"):
    """Forget what waits to be played."""

    stream_sid: str


_DECODER: msgspec.json.Decoder[Media | Mark | Clear] = msgspec.json.Decoder(Media | Mark | Clear)


class BadMessage(Exception):
    """Not JSON, an unknown event, a field too many or too few, base64 that is none: Twilio reports 31951."""


def read(text: str) -> Media | Mark | Clear:
    """One message of the platform. Raises BadMessage."""
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BadMessage(str(error)) from error


CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'


def start(sequence: int, stream_sid: str, account_sid: str, call_sid: str, parameters: Mapping[str, str]) -> str:
    """The message that says which call this is."""
    return msgspec.json.encode(
        {
            "event": "start",
            "sequenceNumber": str(sequence),
            "start": {
                "accountSid": account_sid,
                "streamSid": stream_sid,
                "callSid": call_sid,
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": dict(parameters),
            },
            "streamSid": stream_sid,
        }
    ).decode()


def media(sequence: int, stream_sid: str, chunk: int, timestamp_ms: int, sound: bytes) -> str:
    """20 ms of the caller. Written by hand: it is sent fifty times a second for every call."""
    payload = _SILENCE_PAYLOAD if sound is SILENCE else b64encode(sound).decode()
    return (
        f'{{"event":"media","sequenceNumber":"{sequence}","media":{{"track":"inbound","chunk":"{chunk}",'
        f'"timestamp":"{timestamp_ms}","payload":"{payload}"}},"streamSid":"{stream_sid}"}}'
    )


def dtmf(sequence: int, stream_sid: str, key: str) -> str:
    """A key the caller pressed; here the track has another name than in `media`."""
    digit = {"track": "inbound_track", "digit": key}
    return msgspec.json.encode(
        {"event": "dtmf", "streamSid": stream_sid, "sequenceNumber": str(sequence), "dtmf": digit}
    ).decode()


def mark(sequence: int, stream_sid: str, name: str) -> str:
    """A mark that comes back."""
    return msgspec.json.encode(
        {"event": "mark", "sequenceNumber": str(sequence), "streamSid": stream_sid, "mark": {"name": name}}
    ).decode()


def stop(sequence: int, stream_sid: str, account_sid: str, call_sid: str) -> str:
    """The stream is over."""
    return msgspec.json.encode(
        {
            "event": "stop",
            "sequenceNumber": str(sequence),
            "stop": {"accountSid": account_sid, "callSid": call_sid},
            "streamSid": stream_sid,
        }
    ).decode()
