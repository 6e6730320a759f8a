"""The parts of the telephone network that need no network: playout, messages, TwiML, addresses, gathering."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lab.speech.encoder import Speaker, encode
from lab.speech.mulaw import FRAME, SILENCE
from lab.twilio import stream_messages, twiml
from lab.twilio.addresses import is_on_this_desk, really, signed_form
from lab.twilio.faults import FaultBox, Faults, MediaFaults, RestFaults
from lab.twilio.gather import GatherEar, GatherOptions
from lab.twilio.overrides import split
from lab.twilio.people import Colleague
from lab.twilio.playout import MOST_QUEUED, Playout
from lab.twilio.recorder import RecordingEar
from lab.twilio.stream_messages import BadMessage, Clear, Mark, Media
from lab.twilio.twiml import BadTwiml, Verb

STREAM = "MZ" + "0" * 32
CALL = "CA" + "0" * 32
ACCOUNT = "AC" + "0" * 32


# Playout


class PlayoutModel(RuleBasedStateMachine):
    """Whatever is queued, marked and cleared: sound comes out in order, a mark never before what stands before it."""

    def __init__(self) -> None:
        super().__init__()
        self.playout = Playout()
        self.waiting: list[bytes | str] = []
        self.number = 0

    @rule(length=st.integers(1, 400))
    def add(self, length: int) -> None:
        sound = bytes(self.number % 200 + offset % 50 for offset in range(length))
        self.number += 1
        assert self.playout.add(sound) == 0
        self.waiting += [bytes([byte]) for byte in sound]

    @rule()
    def mark(self) -> None:
        self.number += 1
        name = f"m{self.number}"
        at_once = self.playout.mark(name)
        assert at_once == (not self.waiting)
        if not at_once:
            self.waiting.append(name)

    @rule()
    def clear(self) -> None:
        dropped, names = self.playout.clear()
        assert dropped == sum(isinstance(one, bytes) for one in self.waiting)
        assert names == [one for one in self.waiting if isinstance(one, str)]
        self.waiting = []

    @rule()
    def play(self) -> None:
        frame, names = self.playout.play()
        expected, reached = b"", []
        while self.waiting and (isinstance(self.waiting[0], str) or len(expected) < FRAME):
            one = self.waiting.pop(0)
            if isinstance(one, str):
                reached.append(one)
            else:
                expected += one
        assert frame == expected.ljust(FRAME, b"\xff")
        assert names == reached

    @invariant()
    def counts(self) -> None:
        assert self.playout.queued == sum(isinstance(one, bytes) for one in self.waiting)


TestPlayout = PlayoutModel.TestCase


def test_beyond_ten_minutes_sound_is_discarded() -> None:
    playout = Playout()
    assert playout.add(bytes(MOST_QUEUED - 10)) == 0
    assert playout.add(bytes(100)) == 90
    assert playout.queued == MOST_QUEUED


# Messages


SILENT_FRAME = "/" * 213 + "w=="
PARAMETERS = {"FirstName": "Jane", "LastName": "Doe", "RemoteParty": "Bob"}
GOLDEN_FROM_TWILIO = [
    (stream_messages.CONNECTED, {"event": "connected", "protocol": "Call", "version": "1.0.0"}),
    (
        stream_messages.start(1, STREAM, ACCOUNT, CALL, PARAMETERS),
        {
            "event": "start",
            "sequenceNumber": "1",
            "start": {
                "accountSid": ACCOUNT,
                "streamSid": STREAM,
                "callSid": CALL,
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": PARAMETERS,
            },
            "streamSid": STREAM,
        },
    ),
    (
        stream_messages.media(2, STREAM, 1, 5, SILENCE),
        {
            "event": "media",
            "sequenceNumber": "2",
            "media": {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": SILENT_FRAME},
            "streamSid": STREAM,
        },
    ),
    (
        stream_messages.dtmf(4, STREAM, "1"),
        {
            "event": "dtmf",
            "streamSid": STREAM,
            "sequenceNumber": "4",
            "dtmf": {"track": "inbound_track", "digit": "1"},
        },
    ),
    (
        stream_messages.mark(5, STREAM, "my label"),
        {"event": "mark", "sequenceNumber": "5", "streamSid": STREAM, "mark": {"name": "my label"}},
    ),
    (
        stream_messages.stop(6, STREAM, ACCOUNT, CALL),
        {
            "event": "stop",
            "sequenceNumber": "6",
            "stop": {"accountSid": ACCOUNT, "callSid": CALL},
            "streamSid": STREAM,
        },
    ),
]


@pytest.mark.parametrize(("ours", "golden"), GOLDEN_FROM_TWILIO)
def test_messages_are_twilios(ours: str, golden: dict[str, object]) -> None:
    assert json.loads(ours) == golden


def test_messages_of_the_platform_in_their_golden_form_are_taken() -> None:
    sound = {"event": "media", "streamSid": STREAM, "media": {"payload": SILENT_FRAME}}
    media = stream_messages.read(json.dumps(sound))
    assert isinstance(media, Media)
    assert media.media.payload == SILENCE
    mark = stream_messages.read(json.dumps({"event": "mark", "streamSid": STREAM, "mark": {"name": "my label"}}))
    assert isinstance(mark, Mark)
    assert mark.mark.name == "my label"
    assert isinstance(stream_messages.read(json.dumps({"event": "clear", "streamSid": STREAM})), Clear)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "hello",
        "[]",
        "{}",
        '{"event": "shout", "streamSid": "MZ"}',
        '{"event": "media", "media": {"payload": "/w=="}}',
        '{"event": "media", "streamSid": "MZ", "media": {"payload": "/w==", "track": "outbound"}}',
        '{"event": "media", "streamSid": "MZ", "media": {"payload": "/w==="}}',
        '{"event": "media", "streamSid": "MZ", "media": {"payload": 1}}',
        '{"event": "media", "streamSid": "MZ", "payload": "/w=="}',
        '{"event": "mark", "streamSid": "MZ"}',
        '{"event": "mark", "streamSid": "MZ", "mark": "name"}',
        '{"event": "mark", "streamSid": "MZ", "mark": {"name": "a"}, "sequenceNumber": "1"}',
        '{"event": "clear", "streamSid": "MZ", "now": true}',
        '{"event": "stop", "streamSid": "MZ"}',
    ],
)
def test_messages_with_a_field_too_few_or_too_many_are_refused(message: str) -> None:
    with pytest.raises(BadMessage):
        stream_messages.read(message)


@given(sound=st.binary(min_size=1, max_size=400), numbers=st.tuples(*[st.integers(1, 10**6)] * 3))
def test_sound_survives_the_message(sound: bytes, numbers: tuple[int, int, int]) -> None:
    sequence, chunk, timestamp = numbers
    message = json.loads(stream_messages.media(sequence, STREAM, chunk, timestamp, sound))
    assert base64.b64decode(message["media"]["payload"]) == sound
    assert [message["sequenceNumber"], message["media"]["chunk"], message["media"]["timestamp"]] == [
        str(sequence),
        str(chunk),
        str(timestamp),
    ]


# TwiML


def test_a_document_is_read_with_its_nouns_and_parameters() -> None:
    document = twiml.parse(
        b'<?xml version="1.0" encoding="UTF-8"?><Response><Connect action="https://example.com/voice/resume">'
        b'<Stream statusCallback="https://example.com/voice/stream-status" url="wss://example.com/media">'
        b'<Parameter name="token" value="signed &amp; sealed" /></Stream></Connect>'
        b'<Redirect method="POST">https://example.com/voice/resume</Redirect></Response>'
    )
    connect, redirect = document.verbs
    (stream,) = connect.nouns
    assert stream.nouns == (Verb("Parameter", {"name": "token", "value": "signed & sealed"}),)
    assert redirect.text == "https://example.com/voice/resume"
    assert document.warnings == ()


@pytest.mark.parametrize(
    ("text", "warning", "left"),
    [
        ("<Response><say>Hi</say></Response>", "<say> is not known inside <Response>", []),
        ('<Response><Say Voice="alice">Hi</Say></Response>', "<Say> has no attribute Voice", ["Say"]),
        ("<Response><Stream/></Response>", "<Stream> is not known inside <Response>", []),
        ("<Response><Say><b>Hi</b></Say></Response>", "<b> is not known inside <Say>", ["Say"]),
    ],
)
def test_what_is_misspelt_is_left_out_with_a_warning(text: str, warning: str, left: list[str]) -> None:
    document = twiml.parse(text.encode(errors="surrogatepass"))
    assert document.warnings == (warning,)
    assert [verb.name for verb in document.verbs] == left
    assert all("Voice" not in verb.attributes for verb in document.verbs)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello",
        "<Response>",
        "\n<?xml version='1.0'?><Response/>",
        "<Response><Say>a\x0bb</Say></Response>",
        "<Response><Say>a & b</Say></Response>",
        "<response/>",
        "<!DOCTYPE r [<!ENTITY a 'b'>]><Response/>",
        "<Response><Say>" + "x" * 65536 + "</Say></Response>",
        '{"Response": {}}',
        "<Response><Say>\ud800</Say></Response>",
    ],
)
def test_documents_that_do_not_parse(text: str) -> None:
    with pytest.raises(BadTwiml):
        twiml.parse(text.encode(errors="surrogatepass"))


def test_the_declared_encoding_counts() -> None:
    text = '<?xml version="1.0" encoding="ISO-8859-1"?><Response><Say>Grüße</Say></Response>'
    assert twiml.parse(text.encode("latin-1")).verbs[0].text == "Grüße"
    with pytest.raises(BadTwiml):
        twiml.parse(text.replace("ISO-8859-1", "UTF-8").encode("latin-1"))


# Addresses and their fragments


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("https://example.com:8443/a?b=1", "https://example.com/a?b=1"),
        ("http://example.com:8080/a", "http://example.com:8080/a"),
        ("https://user:pass@example.com/a#rc=2", "https://example.com/a"),
        ("https://[::1]:8443/a", "https://[::1]/a"),
    ],
)
def test_webhooks_are_signed_without_user_fragment_and_https_port(url: str, signed: str) -> None:
    assert signed_form(url) == signed


def test_an_origin_can_stand_for_another_address() -> None:
    origins = {"https://support.example": "http://127.0.0.1:8000"}
    assert really("https://support.example/twilio/voice?x=%2B1", origins) == "http://127.0.0.1:8000/twilio/voice?x=%2B1"
    assert really("wss://support.example/twilio/media", origins) == "ws://127.0.0.1:8000/twilio/media"
    assert really("https://other.example/a", origins) == "https://other.example/a"


def test_only_loopback_may_do_without_tls() -> None:
    assert is_on_this_desk("ws://127.0.0.1:9000/media")
    assert is_on_this_desk("ws://localhost/media")
    assert not is_on_this_desk("ws://example.com/media")
    assert not is_on_this_desk("ws://127.0.0.1.example.com/media")


def test_the_fragment_tunes_the_request_and_is_not_sent() -> None:
    address, limits = split("https://example.com/voice?x=1#rc=2&rt=4000&rp=ct,rt,5xx&ct=200&tt=9000&sni=y", 5, 15)
    assert address == "https://example.com/voice?x=1"
    assert (limits.retries, limits.read_s, limits.connect_s, limits.total_s) == (2, 4.0, 0.2, 9.0)
    assert limits.retried == {"ct", "rt", "5xx"}
    _, plain = split("https://example.com/voice", 5, 15)
    assert (plain.retries, plain.connect_s, plain.total_s) == (1, 5, 15)
    assert plain.retried == {"ct"}
    assert split("https://example.com/#rp=all", 5, 15)[1].retried == {"ct", "rt", "4xx", "5xx"}


@pytest.mark.parametrize("fragment", ["rc=6", "ct=50", "rt=20000", "rp=sometimes", "colour=blue", "rc=x"])
def test_a_fragment_twilio_would_refuse(fragment: str) -> None:
    with pytest.raises(ValueError):
        split(f"https://example.com/voice#{fragment}", 5, 15)


# Ears


def gather(**attributes: str) -> GatherEar:
    return GatherEar(GatherOptions.of(Verb("Gather", attributes)))


def hear(ear: GatherEar | RecordingEar, sound: bytes) -> None:
    for place in range(0, len(sound), FRAME):
        ear.hear(sound[place : place + FRAME])


async def test_gather_takes_keys_until_there_are_enough() -> None:
    ear = gather(numDigits="3")
    for key in "123":
        ear.key(key)
    assert ear.result.result() == {"Digits": "123"}


async def test_gather_takes_keys_until_the_finishing_one_or_a_pause() -> None:
    ear = gather()
    ear.key("4")
    ear.key("#")
    assert ear.result.result() == {"Digits": "4"}
    ear = gather(timeout="2")
    ear.key("4")
    hear(ear, SILENCE * 99)
    assert not ear.result.done()
    hear(ear, SILENCE * 2)
    assert ear.result.result() == {"Digits": "4"}


async def test_gather_takes_speech_until_silence_and_prompts_stop_at_its_first_word() -> None:
    ear = gather(input="speech", speechTimeout="1")
    hear(ear, SILENCE * 500)  # the prompts are still playing: no time counts
    assert not ear.result.done()
    hear(ear, encode("I want a person", Speaker.CALLER))
    assert ear.began.is_set()
    hear(ear, SILENCE * 49)
    assert not ear.result.done()
    hear(ear, SILENCE)
    assert ear.result.result()["SpeechResult"] == "I want a person"


async def test_gather_gives_up_after_the_timeout_when_the_prompts_are_over() -> None:
    ear = gather(input="dtmf speech", timeout="3")
    hear(ear, SILENCE * 200)
    ear.prompts_over = True
    hear(ear, SILENCE * 149)
    assert not ear.result.done()
    hear(ear, SILENCE * 2)
    assert ear.result.result() == {}


async def test_gather_ignores_what_it_was_not_asked_for() -> None:
    ear = gather(input="dtmf")
    hear(ear, encode("Hello", Speaker.CALLER))
    assert not ear.began.is_set()
    ear = gather(input="speech")
    ear.key("1")
    assert not ear.began.is_set()
    with pytest.raises(ValueError):
        gather(numDigits="many")


async def test_recording_ends_with_silence_a_key_or_its_length() -> None:
    words = encode("Please call me back", Speaker.CALLER)
    ear = RecordingEar(1.0, 60.0, "#")
    hear(ear, words + SILENCE * 60)
    assert ear.ended_by.result() == ""
    assert len(ear.sound) == len(words) + 50 * FRAME
    ear = RecordingEar(5.0, 60.0, "#")
    hear(ear, words)
    ear.key("1")
    assert not ear.ended_by.done()
    ear.key("#")
    assert ear.ended_by.result() == "#"
    ear = RecordingEar(5.0, 0.5, "#")
    hear(ear, words)
    assert len(ear.sound) == 4000


def test_a_colleague_speaks_and_hangs_up() -> None:
    colleague = Colleague("Hello", 1.0)
    acts = [colleague.tick(SILENCE) for _ in range(50)]
    assert [act.hangs_up for act in acts] == [False] * 49 + [True]
    assert b"".join(act.sound for act in acts[:10]) == encode("Hello", Speaker.COLLEAGUE, 0)


def test_faults_can_be_for_the_next_calls_and_requests_only() -> None:
    box = FaultBox(Faults(calls=1, media=MediaFaults(never_starts=True), rest=RestFaults(refusals=1, answers_lost=1)))
    assert box.for_a_call().media.never_starts
    assert not box.for_a_call().media.never_starts
    assert [box.refuses_a_request(), box.refuses_a_request()] == [429, None]
    assert [box.loses_an_answer(), box.loses_an_answer()] == [True, False]
