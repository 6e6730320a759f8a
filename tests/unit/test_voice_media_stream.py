from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from services.voice.transport import limits
from services.voice.transport.media_socket import SocketClosed
from services.voice.transport.media_stream import MediaStream, Rejected, StreamEnd, StreamRefused
from shared.observability import metrics
from tests.virtual_time import LoopClock, on_virtual_time

SID, CALL = "MZ" + "1" * 32, "CA" + "2" * 32


def a_start(**changes: Any) -> dict[str, Any]:
    details = {"streamSid": SID, "callSid": CALL, "accountSid": "AC" + "0" * 32, "customParameters": {}} | changes
    return {"event": "start", "sequenceNumber": "1", "start": details, "streamSid": SID}


def a_frame(number: int, payload: str = "////", **changes: Any) -> dict[str, Any]:
    """The message with this sequence number; `start` is the first, so audio begins with the second."""
    media = {"track": "inbound", "chunk": str(number - 1), "timestamp": "0", "payload": payload}
    return {"event": "media", "sequenceNumber": str(number), "media": media, "streamSid": SID} | changes


class ScriptedSocket:
    """Gives what it was told to give: messages, waits in seconds, and in the end a lost connection."""

    def __init__(self, script: Iterable[dict[str, Any] | str | bytes | float]) -> None:
        self._script = list(script)
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> str | bytes:
        while self._script:
            step = self._script.pop(0)
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                return json.dumps(step) if isinstance(step, dict) else step
        raise SocketClosed(1006)

    async def deliver(self, take: Callable[[bytes, bool], bool]) -> None:
        while True:
            message = await self.receive()
            if take(message.encode() if isinstance(message, str) else message, isinstance(message, str)):
                return

    async def send(self, text: str) -> None:
        self.sent.append(json.loads(text))

    async def close(self, code: int) -> None:
        raise AssertionError(f"nobody asked to close with {code}")


class Heard:
    def __init__(self) -> None:
        self.sound: list[bytes] = []
        self.marks: list[str] = []
        self.digits: list[str] = []

    def audio(self, payload: bytes) -> None:
        self.sound.append(payload)

    def mark(self, name: str) -> None:
        self.marks.append(name)

    def digit(self, digit: str) -> None:
        self.digits.append(digit)


def rejected(reason: Rejected) -> float:
    return float(metrics.frames_rejected_total.labels(reason=reason.value)._value.get())


def listen_to(*script: dict[str, Any] | str | bytes | float) -> tuple[StreamEnd, Heard]:
    """Handshake and run over a scripted socket."""

    async def work() -> tuple[StreamEnd, Heard]:
        stream, heard = MediaStream(ScriptedSocket(script), LoopClock()), Heard()
        await stream.handshake()
        return await stream.run(heard), heard

    return on_virtual_time(work())


def test_the_callers_sound_marks_and_keys_arrive_until_stop() -> None:
    key = {"event": "dtmf", "sequenceNumber": "4", "streamSid": SID, "dtmf": {"track": "inbound_track", "digit": "5"}}
    mark = {"event": "mark", "sequenceNumber": "5", "streamSid": SID, "mark": {"name": "2:0"}}
    stop = {"event": "stop", "sequenceNumber": "6", "streamSid": SID, "stop": {}}
    end, heard = listen_to({"event": "connected"}, a_start(), a_frame(2), a_frame(3), key, mark, stop, a_frame(7))
    assert end is StreamEnd.STOPPED
    assert (heard.sound, heard.marks, heard.digits) == ([b"\xff" * 3] * 2, ["2:0"], ["5"])


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (a_frame(2, streamSid="MZ" + "9" * 32), Rejected.OTHER_STREAM),
        (a_frame(2, media={"payload": "////", "track": "outbound"}), Rejected.OTHER_TRACK),
        (a_frame(2, media={"payload": "////", "chunk": "x"}), Rejected.OUT_OF_ORDER),
        (a_frame(2, payload="!!!!"), Rejected.MALFORMED),
        ({"event": "weather"}, Rejected.UNKNOWN_EVENT),
        ("{", Rejected.MALFORMED),
        (b"\x00\x01", Rejected.BINARY),
        (a_start(), Rejected.SECOND_START),
    ],
)
def test_a_frame_that_breaks_a_rule_is_counted_and_never_heard(frame: Any, reason: Rejected) -> None:
    before = rejected(reason)
    end, heard = listen_to(a_start(), frame, a_frame(3), a_frame(4))
    assert rejected(reason) > before
    assert heard.sound == [b"\xff" * 3] * 2
    assert end is StreamEnd.LOST


@pytest.mark.parametrize(
    ("order", "heard_as", "broken"),
    [
        ((2, 3, 3, 2, 4), (2, 3, 4), 2),
        ((3, 2, 5, 4, 7, 6, 8), (2, 3, 4, 5, 6, 7, 8), 3),
        ((2, 5, 6, 7), (2, 5, 6, 7), 1),
        ((2, 5, 3, 4, 6), (2, 3, 5, 6), 2),
    ],
    ids=["twice", "swapped", "lost", "too-late"],
)
def test_frames_out_of_order_are_sorted_where_that_costs_nothing_and_never_heard_twice(
    order: tuple[int, ...], heard_as: tuple[int, ...], broken: int
) -> None:
    before = rejected(Rejected.OUT_OF_ORDER)
    _, heard = listen_to(a_start(), *(a_frame(number, payload=f"AAA{number}") for number in order))
    assert heard.sound == [base64.b64decode(f"AAA{number}") for number in heard_as]
    assert rejected(Rejected.OUT_OF_ORDER) == before + broken


def test_audio_before_start_is_counted_and_forgotten() -> None:
    before = rejected(Rejected.BEFORE_START)
    _, heard = listen_to({"event": "connected"}, a_frame(1), a_frame(2), a_start(), a_frame(3), a_frame(4))
    assert rejected(Rejected.BEFORE_START) == before + 2
    assert len(heard.sound) == 2


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ([{"event": "connected"}, 6.0, a_start()], 1008),
        ([a_frame(number) if number % 2 else 0.02 for number in range(1, 700)], 1008),
        ([a_start(mediaFormat={"encoding": "audio/x-l16", "sampleRate": 16000, "channels": 1})], 1008),
        ([a_start(), "x" * 5000], 1009),
        ([a_start(), a_start(callSid="CA" + "3" * 32)], 1008),
        ([a_start(), *["{"] * 10], 1008),
        ([a_start(), *[b"\x00"] * 10], 1008),
        ([a_start(), *[a_frame(number) for number in range(2, 500)]], 1008),
    ],
    ids=["no-start", "sound-for-ever", "other-coding", "oversized", "other-call", "nonsense", "binary", "flood"],
)
def test_a_stream_that_does_harm_is_refused(script: list[Any], code: int) -> None:
    with pytest.raises(StreamRefused) as refusal:
        listen_to(*script)
    assert refusal.value.code == code


def test_what_piled_up_while_the_network_stood_still_does_not_end_the_call() -> None:
    end, heard = listen_to(a_start(), 4.0, *[a_frame(number) for number in range(2, 200)], 0.5, a_frame(200))
    assert end is StreamEnd.LOST
    assert len(heard.sound) >= limits.BURST


def test_a_socket_that_falls_silent_is_lost_after_fifteen_seconds() -> None:
    async def work() -> float:
        frames = [step for number in range(2, 152) for step in (0.02, a_frame(number))]
        stream = MediaStream(ScriptedSocket([a_start(), *frames, 60.0]), LoopClock())
        await stream.handshake()
        assert await stream.run(Heard()) is StreamEnd.LOST
        return asyncio.get_running_loop().time()

    assert 3 + limits.QUIET_S - 1 <= on_virtual_time(work()) <= 3 + limits.QUIET_S + 1


def test_a_call_may_last_an_hour_of_frames() -> None:
    async def work() -> int:
        frames = (step for number in range(2, 20_002) for step in (0.2, a_frame(number)))
        stream, heard = MediaStream(ScriptedSocket([a_start(), *frames]), LoopClock()), Heard()
        await stream.handshake()
        await stream.run(heard)
        return len(heard.sound)

    assert on_virtual_time(work()) == 20_000


def test_what_is_sent_names_the_stream() -> None:
    async def work() -> list[dict[str, Any]]:
        socket = ScriptedSocket([a_start()])
        stream = MediaStream(socket, LoopClock())
        await stream.handshake()
        await stream.media(b"\xff\xff\xff")
        await stream.mark("1:0")
        await stream.clear()
        return socket.sent

    assert on_virtual_time(work()) == [
        {"event": "media", "streamSid": SID, "media": {"payload": "////"}},
        {"event": "mark", "streamSid": SID, "mark": {"name": "1:0"}},
        {"event": "clear", "streamSid": SID},
    ]
