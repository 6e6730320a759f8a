from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voice.transport.frames import (
    Connected,
    Digit,
    FrameWriter,
    Malformed,
    Mark,
    Media,
    Start,
    Stop,
    UnknownEvent,
    read_frame,
)

SID = "MZ00000000000000000000000000000000"
SILENCE = base64.b64encode(b"\xff" * 160).decode()
GOLDEN = {
    Connected: '{"event": "connected", "protocol": "Call", "version": "1.0.0"}',
    Start: (
        '{"event": "start", "sequenceNumber": "1", "start": {"accountSid": "AC00000000000000000000000000000000", '
        f'"streamSid": "{SID}", "callSid": "CA00000000000000000000000000000000", "tracks": ["inbound"], '
        '"mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}, "customParameters": '
        f'{{"FirstName": "Jane", "LastName": "Doe", "RemoteParty": "Bob"}}}}, "streamSid": "{SID}"}}'
    ),
    Media: (
        '{"event": "media", "sequenceNumber": "2", "media": {"track": "inbound", "chunk": "1", "timestamp": "5", '
        f'"payload": "{SILENCE}"}}, "streamSid": "{SID}"}}'
    ),
    Digit: (
        f'{{"event": "dtmf", "streamSid": "{SID}", "sequenceNumber": "4", '
        '"dtmf": {"track": "inbound_track", "digit": "1"}}'
    ),
    Mark: f'{{"event": "mark", "sequenceNumber": "5", "streamSid": "{SID}", "mark": {{"name": "my label"}}}}',
    Stop: (
        '{"event": "stop", "sequenceNumber": "6", "stop": {"accountSid": "AC00000000000000000000000000000000", '
        f'"callSid": "CA00000000000000000000000000000000"}}, "streamSid": "{SID}"}}'
    ),
}
"""protocols/twilio.md, section 9.1."""


@pytest.mark.parametrize(("kind", "text"), GOLDEN.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_golden_sample_is_read_as_what_it_is(kind: type, text: str) -> None:
    assert type(read_frame(text)) is kind


def test_the_fields_of_the_golden_samples_arrive() -> None:
    start = read_frame(GOLDEN[Start])
    media = read_frame(GOLDEN[Media])
    assert isinstance(start, Start)
    assert isinstance(media, Media)
    assert start.start.call_sid == "CA00000000000000000000000000000000"
    assert start.start.custom_parameters["FirstName"] == "Jane"
    assert start.start.media_format.sample_rate == 8000
    assert media.media.payload == b"\xff" * 160
    assert (media.stream_sid, media.media.chunk) == (SID, "1")


def test_what_we_write_is_what_the_golden_samples_say() -> None:
    writer = FrameWriter(SID)
    media = {"event": "media", "streamSid": SID, "media": {"payload": SILENCE}}
    assert json.loads(writer.media(b"\xff" * 160)) == media
    assert json.loads(writer.mark("my label")) == {"event": "mark", "streamSid": SID, "mark": {"name": "my label"}}
    assert json.loads(writer.clear) == {"event": "clear", "streamSid": SID}


@given(st.text(), st.text(), st.binary(max_size=400))
def test_anything_we_write_is_json(sid: str, name: str, audio: bytes) -> None:
    try:
        writer = FrameWriter(sid)
        written = [writer.media(audio), writer.mark(name), writer.clear]
    except UnicodeEncodeError:  # half a character: no socket could carry it
        return
    media, mark, clear = (json.loads(text) for text in written)
    assert base64.b64decode(media["media"]["payload"], validate=True) == audio
    assert mark["mark"]["name"] == name
    assert {media["streamSid"], mark["streamSid"], clear["streamSid"]} == {sid}


def test_unknown_fields_are_skipped_and_unknown_events_told_apart() -> None:
    extended = json.loads(GOLDEN[Mark]) | {"newField": {"deep": [1, 2, {"x": None}]}}
    assert isinstance(read_frame(json.dumps(extended)), Mark)
    with pytest.raises(UnknownEvent):
        read_frame('{"event": "transcription", "text": "hello"}')


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "not json",
        '{"event": 7}',
        '{"event": "media"}',
        '{"event": "media", "media": {}}',
        '{"event": "media", "media": {"payload": "%%%"}}',
        '{"event": "media", "media": {"payload": "/w="}}',
        '{"event": "media", "media": {"payload": "AAAA AAAA"}}',
        '{"event": "media", "media": {"payload": 12}}',
        '{"event": "start", "start": {"streamSid": "MZ1"}}',
        '{"event": "mark", "mark": "name"}',
        '{"event": "connected"} trailing',
        '{"a":' * 2000,
        "\ud800",
    ],
)
def test_what_breaks_the_form_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        read_frame(text)


@given(st.text() | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_garbage_never_escapes_as_anything_else(text: str) -> None:
    try:
        read_frame(text)
    except (Malformed, UnknownEvent):
        return


@given(st.data())
def test_a_mutated_message_is_read_or_refused(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(list(GOLDEN.values())))
    at = data.draw(st.integers(0, len(text) - 1))
    mutated = text[:at] + data.draw(st.characters()) + text[at + data.draw(st.integers(0, 3)) :]
    try:
        read_frame(mutated)
    except (Malformed, UnknownEvent):
        return


def test_the_open_fixtures_of_other_servers_are_read(shared_data: Path) -> None:
    rows = (shared_data / "peer_fixtures" / "media_streams_start.jsonl").read_text(encoding="utf-8").splitlines()
    clips = sorted((shared_data / "peer_fixtures" / "media_streams").glob("*.jsonl"))
    assert rows
    assert clips
    assert all(isinstance(read_frame(json.dumps(json.loads(row)["message"])), Start) for row in rows)
    for clip in clips:
        kinds = [type(read_frame(line)) for line in clip.read_text(encoding="utf-8").splitlines()]
        assert kinds[:2] == [Connected, Start]
        assert kinds[-1] is Stop
        assert set(kinds[2:-1]) == {Media}
