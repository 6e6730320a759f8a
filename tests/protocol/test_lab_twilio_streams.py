"""The stand-in for Twilio: Media Streams, exactly in order, numbering, playout and rules."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64decode
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from lab.speech.encoder import Speaker, encode
from lab.speech.mulaw import FRAME, SILENCE
from lab.twilio.call import Call
from lab.twilio.faults import Faults, MediaFaults
from lab.twilio.network import PhoneNetwork
from lab.twilio.people import Act, Voice
from lab.twilio.records import BufferCleared, CallRecord, MarkEchoed, StreamClosed
from shared.security.twilio_signature import TwilioSignature
from tests.protocol.toy_platform import (
    ACCOUNT,
    TOKEN,
    StreamSocket,
    Talk,
    ToyPlatform,
    kinds,
    over,
    response,
    toy_platform,
    words_in,
)

CALLER = "+12025550123"


class Speaking:
    """A person who says sentences one after the other, may press a key, and hangs up at a set second.

    The seconds count from the first sound they hear when they wait for a prompt, else from the beginning.
    """

    def __init__(
        self,
        *texts: str,
        key_at_s: float | None = None,
        leaves_at_s: float | None = None,
        waits_for_prompt: bool = False,
    ) -> None:
        self._texts = list(texts)
        self._voice = Voice(Speaker.CALLER)
        self._ticks = 0
        self._key_at_s = key_at_s
        self._leaves_at_s = leaves_at_s
        self._waits = waits_for_prompt

    def tick(self, heard: bytes) -> Act:
        self._waits = self._waits and heard == SILENCE
        if self._waits:
            return Act()
        self._ticks += 1
        now = self._ticks / 50
        if self._leaves_at_s is not None and now >= self._leaves_at_s:
            return Act(hangs_up=True)
        if self._key_at_s is not None and now >= self._key_at_s:
            self._key_at_s = None
            return Act(key="5")
        if not self._voice.speaks and self._texts:
            self._voice.say(self._texts.pop(0))
        return Act(self._voice.frame())


@asynccontextmanager
async def streaming(
    talk: Talk,
    person: Speaking | None = None,
    faults: MediaFaults | None = None,
    *,
    document: str | None = None,
    speed: float = 10,
    **settings: Any,
) -> AsyncIterator[tuple[ToyPlatform, PhoneNetwork, Call]]:
    async with toy_platform(talk=talk, speed=speed, **settings) as (platform, network):
        parameter = '<Parameter name="token" value="t &amp; u"/>'
        platform.documents["/voice"] = document or platform.connect(parameter)
        platform.documents["/after"] = response("<Say>After.</Say>")
        call = network.call_in(CALLER, person or Speaking(), faults=Faults(media=faults or MediaFaults()))
        yield platform, network, call


async def streamed(talk: Talk, person: Speaking | None = None, **options: Any) -> tuple[ToyPlatform, CallRecord]:
    """A whole call over a stream."""
    async with streaming(talk, person, **options) as (platform, network, call):
        return platform, await over(call.record, network)


async def listen(socket: StreamSocket) -> None:
    """Take everything until the stop."""
    await socket.next("stop")


async def prompt(socket: StreamSocket) -> None:
    await socket.next("start")
    await socket.play(encode("Go.", Speaker.ASSISTANT))
    await socket.next("stop")


async def test_connected_start_media_dtmf_and_stop_come_in_order_and_numbered() -> None:
    caller = Speaking("Hello!", key_at_s=0.5, leaves_at_s=1.0, waits_for_prompt=True)
    platform, record = await streamed(prompt, caller)
    (stream,) = platform.streams
    messages = stream.messages
    assert kinds(messages) == ["connected", "start", "media", "dtmf", "media", "stop"]
    assert messages[0] == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert [one["sequenceNumber"] for one in messages[1:]] == [str(n) for n in range(1, len(messages))]
    start = messages[1]
    assert start["streamSid"] == start["start"]["streamSid"] == record.streams[0].stream_sid
    assert (start["start"]["callSid"], start["start"]["accountSid"]) == (record.sid, ACCOUNT)
    assert start["start"]["tracks"] == ["inbound"]
    assert start["start"]["mediaFormat"] == {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    assert start["start"]["customParameters"] == {"token": "t & u"}
    media = [one["media"] for one in messages if one["event"] == "media"]
    assert [one["chunk"] for one in media] == [str(n) for n in range(1, len(media) + 1)]
    assert [one["timestamp"] for one in media] == [str(20 * n) for n in range(len(media))]
    assert {one["track"] for one in media} == {"inbound"}
    assert {len(b64decode(one["payload"])) for one in media} == {FRAME}
    assert messages[-1]["stop"] == {"accountSid": ACCOUNT, "callSid": record.sid}
    (dtmf,) = [one for one in messages if one["event"] == "dtmf"]
    assert dtmf["dtmf"] == {"track": "inbound_track", "digit": "5"}
    assert words_in(stream.sound()) == record.said == ["Hello!"]
    assert record.problems == []


async def test_the_handshake_is_signed_for_the_address_in_the_document() -> None:
    platform, _ = await streamed(listen, Speaking(leaves_at_s=0.2), public="https://support.example")
    (headers,) = platform.handshakes
    address = "wss://support.example/media"
    assert headers["host"] == "support.example"
    assert headers["x-twilio-signature"] == RequestValidator(TOKEN).compute_signature(address, {})
    assert TwilioSignature(TOKEN).signs_socket(address, headers["x-twilio-signature"])
    platform, _ = await streamed(listen, Speaking(leaves_at_s=0.2), faults=MediaFaults(wrong_signature=True))
    signature = platform.handshakes[0]["x-twilio-signature"]
    assert not TwilioSignature(TOKEN).signs_socket(platform.public.replace("http", "ws") + "/media", signature)


async def test_the_caller_hears_what_is_played_in_real_time_and_marks_come_back_when_it_was() -> None:
    echoes: list[tuple[str, float]] = []

    async def talk(socket: StreamSocket) -> None:
        await socket.next("start")
        began = time.monotonic()
        await socket.mark("nothing before it")
        await socket.say("Good morning, what can I do for you?")
        await socket.say("Please speak.")
        for _ in range(3):
            mark = await socket.next("mark")
            echoes.append((mark["mark"]["name"], (time.monotonic() - began) * 10))

    _, record = await streamed(talk)
    assert record.heard == ["Good morning, what can I do for you?", "Please speak."]
    assert [name for name, _ in echoes] == ["nothing before it", *record.heard]
    moments = [moment for _, moment in echoes]
    spoken = [0, 36 * 0.04, 48 * 0.04]
    assert all(least - 0.05 <= moment <= least + 2 for moment, least in zip(moments, spoken, strict=True)), moments
    marks = [(event.name, event.was_played) for event in record.events if isinstance(event, MarkEchoed)]
    assert marks == [(name, True) for name, _ in echoes]


async def test_clear_drops_the_buffer_and_brings_all_marks_back_at_once() -> None:
    async def talk(socket: StreamSocket) -> None:
        await socket.next("start")
        await socket.say("A very long answer that is going to be interrupted by somebody.")
        await socket.say("A second sentence.")
        while len(socket.sound()) < 50 * FRAME:
            await socket.next("media")
        await socket.send({"event": "clear"})
        await socket.say("Yes?")
        for _ in range(3):
            await socket.next("mark")

    platform, record = await streamed(talk)
    first, second = record.heard
    assert "A very long answer that is going".startswith(first)
    assert len(first) == pytest.approx(25, abs=8)
    assert second == "Yes?"
    events = [event for event in record.events if isinstance(event, (MarkEchoed, BufferCleared))]
    assert isinstance(events[0], BufferCleared)
    assert events[0].marks == 2
    assert events[0].dropped_s == pytest.approx((63 + 18 - len(first)) * 0.04, abs=0.05)
    assert [event.was_played for event in events if isinstance(event, MarkEchoed)] == [False, False, True]
    names = [one["mark"]["name"] for one in platform.streams[0].messages if one["event"] == "mark"]
    assert names[1:] == ["A second sentence.", "Yes?"]


BAD = [
    "not json",
    '{"event":"shout","streamSid":"SID"}',
    '{"event":"media","streamSid":"SID","media":{"payload":"/w==","track":"outbound"}}',
    '{"event":"media","streamSid":"SID","media":{"payload":"///"}}',
    '{"event":"mark","streamSid":"SID"}',
    '{"event":"mark","streamSid":"MZ0","mark":{"name":"a"}}',
    '{"event":"clear","streamSid":"SID","really":true}',
]


async def test_messages_that_break_the_rules_are_reported_once_per_stream_and_change_nothing() -> None:
    async def talk(socket: StreamSocket) -> None:
        await socket.next("start")
        for _ in range(2):
            for message in BAD:
                await socket.socket.send_text(message.replace("SID", socket.sid))
            await socket.socket.send_bytes(b"\x00\x01")
        await socket.say("Still here.")
        await socket.next("mark")

    _, record = await streamed(talk)
    assert Counter(record.problems) == {31951: 1, 31950: 1}
    assert record.streams[0].refused == {"invalid": 14, "binary": 2}
    assert record.heard == ["Still here."]


async def test_more_than_ten_minutes_of_sound_are_discarded() -> None:
    async def talk(socket: StreamSocket) -> None:
        await socket.next("start")
        for _ in range(61):
            await socket.play(b"\xff" * 80_000)
        await socket.send({"event": "clear"})
        await socket.mark("done")
        await socket.next("mark")

    _, record = await streamed(talk)
    assert record.problems == [31931]
    assert record.streams[0].discarded_s == pytest.approx(10, abs=2)


# The end of a stream


async def test_when_the_platform_closes_the_action_is_asked_and_nothing_behind_the_verb_is_done() -> None:
    async def talk(socket: StreamSocket) -> None:
        await socket.next("start")

    async with streaming(talk) as (platform, network, call):
        await over(call.record, network)
        platform.documents["/voice"] = platform.connect(action="/after").replace(
            "</Response>", "<Say>Behind.</Say></Response>"
        )
        record = await over(network.call_in(CALLER, Speaking()).record, network)
        (after,) = platform.of("/after")
    assert call.record.heard == []
    assert record.heard == ["After."]
    assert (after.fields["CallStatus"], after.fields["CallSid"]) == ("in-progress", record.sid)
    (closed,) = [event for event in record.events if isinstance(event, StreamClosed)]
    assert (closed.closed_by, closed.code) == ("platform", 1000)


async def test_without_an_action_the_next_verb_follows() -> None:
    async def talk(socket: StreamSocket) -> None:
        await socket.next("start")

    async with toy_platform(talk=talk) as (platform, network):
        platform.documents["/voice"] = platform.connect().replace("</Response>", "<Say>Behind.</Say></Response>")
        record = await over(network.call_in(CALLER, Speaking()).record, network)
    assert record.heard == ["Behind."]


async def test_a_caller_who_hangs_up_ends_the_stream_with_stop_and_the_action_is_told() -> None:
    async with toy_platform(talk=listen) as (platform, network):
        platform.documents["/voice"] = platform.connect(action="/after")
        platform.documents["/after"] = response("<Say>Nobody hears this.</Say>")
        record = await over(network.call_in(CALLER, Speaking(leaves_at_s=0.5)).record, network)
        assert [one.fields["CallStatus"] for one in platform.of("/after")] == ["completed"]
        assert [one.fields["CallStatus"] for one in platform.of("/status")] == ["completed"]
    assert platform.streams[0].messages[-1]["event"] == "stop"
    assert (record.ended_by, record.heard) == ("caller", [])
    async with toy_platform(talk=listen, connect_action_after_hangup=False) as (platform, network):
        platform.documents["/voice"] = platform.connect(action="/after")
        await over(network.call_in(CALLER, Speaking(leaves_at_s=0.2)).record, network)
        assert platform.of("/after") == []


async def test_a_server_that_dies_is_a_broken_pipe_and_the_call_goes_on() -> None:
    async def talk(socket: StreamSocket) -> None:
        await socket.next("media")
        raise RuntimeError("the voice process dies")  # the server drops the connection without a close frame

    async with toy_platform(talk=talk) as (platform, network):
        platform.documents["/voice"] = platform.connect(action="/after")
        platform.documents["/after"] = response("<Say>After.</Say>")
        record = await over(network.call_in(CALLER, Speaking()).record, network)
    assert (record.problems, record.heard) == ([31903], ["After."])


async def test_a_close_code_that_is_no_normal_end_is_reported() -> None:
    async def talk(socket: StreamSocket) -> None:
        await socket.next("start")
        await socket.socket.close(1011, "out of memory")

    _, record = await streamed(talk)
    assert record.problems == [31921]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("wss:///media", 31923),
        ("https://example.com/media", 31922),
        ("ws://example.com/media", 31922),
        ("ws://127.0.0.1:1/media", 31902),
        ("{public}/nothing-here", 31920),
    ],
)
async def test_streams_that_cannot_be_opened(url: str, code: int) -> None:
    async with toy_platform() as (platform, network):
        url = url.replace("{public}", platform.public.replace("http", "ws"))
        platform.documents["/voice"] = response(f'<Connect><Stream url="{url}"/></Connect>', "<Say>Behind.</Say>")
        record = await over(network.call_in(CALLER, Speaking()).record, network)
    assert (record.problems, record.heard) == ([code], ["Behind."])


async def test_a_query_in_the_address_is_dropped_and_a_track_must_be_the_inbound_one() -> None:
    async with toy_platform(talk=listen) as (platform, network):
        platform.documents["/voice"] = platform.connect().replace("/media", "/media?token=secret")
        record = await over(network.call_in(CALLER, Speaking(leaves_at_s=0.2)).record, network)
        assert record.problems == [31920]
        assert platform.streams[0].socket.url.query == ""
        platform.documents["/voice"] = platform.connect().replace("<Stream ", "<Stream track='both_tracks' ")
        assert (await over(network.call_in(CALLER, Speaking()).record, network)).problems == [31941]


async def test_the_streams_own_callback_reports_its_life() -> None:
    async with toy_platform(talk=listen) as (platform, network):
        report = f"{platform.public}/stream"
        platform.documents["/stream"] = response()
        platform.documents["/voice"] = platform.connect().replace("<Stream ", f"<Stream statusCallback='{report}' ")
        record = await over(network.call_in(CALLER, Speaking(leaves_at_s=0.2)).record, network)
        events = [one.fields for one in platform.of("/stream")]
    assert sorted(one["StreamEvent"] for one in events) == ["stream-started", "stream-stopped"]
    assert {one["StreamSid"] for one in events} == {record.streams[0].stream_sid}
    assert all(one.is_signed for one in platform.of("/stream"))


async def test_parameters_that_are_too_long_are_left_out() -> None:
    async with toy_platform(talk=listen) as (platform, network):
        platform.documents["/voice"] = platform.connect(f'<Parameter name="long" value="{"x" * 500}"/>')
        record = await over(network.call_in(CALLER, Speaking(leaves_at_s=0.2)).record, network)
    assert record.problems == [12200]
    assert platform.streams[0].messages[1]["start"]["customParameters"] == {}


# Faults


async def faulty(faults: MediaFaults, leaves_at_s: float = 0.5) -> list[dict[str, Any]]:
    """What the platform received of a faulty stream, as far as it was JSON."""
    received: list[dict[str, Any]] = []

    async def talk(socket: StreamSocket) -> None:
        while True:
            message = await socket.socket.receive()
            if message["type"] == "websocket.disconnect":
                received.append({"event": "gone"})
                return
            text = message.get("text")
            try:
                received.append({"event": "binary"} if text is None else json.loads(text))
            except json.JSONDecodeError:
                received.append({"event": "garbage", "length": len(text or "")})

    await streamed(talk, Speaking("Something to say for a while.", leaves_at_s=leaves_at_s), faults=faults)
    return received


async def test_every_media_fault_reaches_the_platform() -> None:
    found = await faulty(MediaFaults(claims_call="CA" + "9" * 32, claims_account="AC" + "9" * 32))
    assert found[1]["start"]["callSid"] == "CA" + "9" * 32
    assert found[1]["start"]["accountSid"] == "AC" + "9" * 32
    found = await faulty(MediaFaults(parameters={"token": "stolen"}))
    assert found[1]["start"]["customParameters"] == {"token": "stolen"}
    assert kinds(await faulty(MediaFaults(audio_before_start=True)))[:3] == ["connected", "media", "start"]
    assert kinds(await faulty(MediaFaults(never_starts=True))) == ["connected", "stop", "gone"]
    assert kinds(await faulty(MediaFaults(starts_twice=True)))[:3] == ["connected", "start", "start"]
    found = await faulty(MediaFaults(wrong_stream_sid=True))
    assert found[2]["streamSid"] != found[1]["streamSid"]
    found = await faulty(MediaFaults(out_of_order=True))
    assert [one["media"]["chunk"] for one in found if one["event"] == "media"][:4] == ["2", "1", "4", "3"]
    found = await faulty(MediaFaults(raw_messages=("{", '{"event":"new"}'), oversized_message=70_000))
    assert kinds(found)[:5] == ["connected", "start", "garbage", "new", "garbage"]
    assert found[4]["length"] == 70_000
    assert "binary" in kinds(await faulty(MediaFaults(binary_message=True)))
    found = await faulty(MediaFaults(stalls_after_s=0.2), leaves_at_s=1.0)
    assert len([one for one in found if one["event"] == "media"]) <= 14
    assert kinds(await faulty(MediaFaults(no_stop=True)))[-2:] == ["media", "gone"]
    assert kinds(await faulty(MediaFaults(cut_after_s=0.2), leaves_at_s=1.0))[-2:] == ["media", "gone"]


async def test_a_bad_network_delivers_in_bunches() -> None:
    arrivals: list[float] = []

    async def talk(socket: StreamSocket) -> None:
        while (await socket.next())["event"] != "stop":
            arrivals.append(time.monotonic())

    await streamed(talk, Speaking(leaves_at_s=1.0), faults=MediaFaults(bunch=10), speed=1)
    pauses = [b - a for a, b in pairwise(arrivals)]
    assert sorted(pauses)[len(pauses) // 2] < 0.005
    assert max(pauses) > 0.15


async def test_only_as_many_streams_are_cut_as_asked_and_the_address_can_be_unreachable() -> None:
    async with toy_platform(talk=listen, speed=10) as (platform, network):
        platform.documents["/voice"] = platform.connect(action="/voice2")
        platform.documents["/voice2"] = platform.connect()
        faults = Faults(media=MediaFaults(cut_after_s=0.3))
        call = network.call_in(CALLER, Speaking(leaves_at_s=2.0), faults=faults)
        record = await over(call.record, network)
        assert (record.problems, len(record.streams)) == ([31903], 2)
        assert platform.streams[1].messages[-1]["event"] == "stop"
        faults = Faults(media=MediaFaults(unreachable=True))
        record = await over(network.call_in(CALLER, Speaking(), faults=faults).record, network)
        assert record.problems == [31902, 31902]


async def test_a_platform_that_does_not_read_is_given_up() -> None:
    gone = asyncio.Event()

    async def talk(socket: StreamSocket) -> None:
        await socket.next("start")
        async with asyncio.timeout(20):
            await gone.wait()

    async with streaming(talk, Speaking("x" * 2000), speed=50) as (_, network, call):
        record = await over(call.record, network, within_s=20)
        gone.set()
    assert record.problems == [31930]


# Real sound, real time


class Playing:
    """Plays a clip once they have heard something, and hangs up."""

    def __init__(self, frames: list[bytes]) -> None:
        self._frames = iter([*frames, SILENCE])
        self._prompted = False

    def tick(self, heard: bytes) -> Act:
        self._prompted = self._prompted or heard != SILENCE
        if not self._prompted:
            return Act()
        frame = next(self._frames, None)
        return Act(hangs_up=True) if frame is None else Act(frame)


async def test_recorded_clips_arrive_byte_for_byte(shared_data: Path) -> None:
    """The clips of the open fixtures, spoken by a caller, arrive as they are and in the documented form."""
    for clip in sorted((shared_data / "peer_fixtures/media_streams").glob("*.jsonl")):
        fixture = [json.loads(line) for line in clip.read_text(encoding="utf-8").splitlines()]
        frames = [b64decode(one["media"]["payload"]) for one in fixture if one["event"] == "media"]

        async with toy_platform(talk=prompt, speed=40) as (platform, network):
            platform.documents["/voice"] = platform.connect()
            record = await over(network.call_in(CALLER, Playing(frames)).record, network)
        received = platform.streams[0].messages
        assert b"".join(frames) in platform.streams[0].sound()
        assert record.said == []
        theirs = {one["event"]: one for one in fixture}
        ours = {one["event"]: one for one in received}
        assert set(theirs) == set(ours)
        for event, message in theirs.items():
            assert set(ours[event]) == set(message), event
            inner = message.get(event)
            if isinstance(inner, dict):
                assert set(ours[event][event]) == set(inner), event


@pytest.mark.alone
async def test_twenty_calls_at_once_keep_the_time() -> None:
    """At speed 1 no call's 20 ms tick may be much late: the lab must not be what is measured."""

    async def talk(socket: StreamSocket) -> None:
        await socket.next("start")
        await socket.say("Somebody speaks to everybody at the same time.")
        await socket.next("stop")

    async with toy_platform(talk=talk, speed=1) as (platform, network):
        platform.documents["/voice"] = platform.connect()
        calls = [network.call_in(CALLER, Speaking("One of twenty.", leaves_at_s=2.5)) for _ in range(20)]
        records = [await over(call.record, network) for call in calls]
    assert all(record.heard == ["Somebody speaks to everybody at the same time."] for record in records)
    assert {record.streams[0].frames_sent for record in records} <= set(range(115, 127))
    assert sorted(record.most_late_s for record in records)[10] < 0.5
