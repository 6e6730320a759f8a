"""The stand-in for Deepgram as its clients see it: the vendor's SDK, a bare socket, golden samples, faults."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment
from deepgram.listen.v1.types import ListenV1Configure
from deepgram.speak.v1.types import SpeakV1Text
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from lab.deepgram.app import make_app
from lab.deepgram.faults import Faults, ListenFaults, SpeakFaults
from lab.deepgram.settings import Settings
from lab.deepgram.state import Deepgram
from lab.speech.decoder import Decoder
from lab.speech.encoder import Speaker, encode
from lab.speech.mulaw import SILENCE
from lab.speech.transcript import Transcript
from lab.speech.wav import read_wav
from tests.serving import serving
from tests.waiting import wait_for_async

# The vendor's SDK builds on deprecated parts of websockets.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SECOND = SILENCE * 50
TELEPHONE = (
    "model=nova-3&language=en&encoding=mulaw&sample_rate=8000&channels=1&interim_results=true&endpointing=300"
    "&utterance_end_ms=1000&vad_events=true&smart_format=true"
)
AURA = "model=aura-2-thalia-en&encoding=mulaw&sample_rate=8000"
KEY = {"Authorization": "Token lab"}
FAST = Settings(speed=10)


@dataclass
class Bench:
    """A stand-in that is served, and clients for it."""

    lab: Deepgram
    address: str

    def sdk(self, http: httpx.AsyncClient, key: str = "lab") -> AsyncDeepgramClient:
        sockets = self.address.replace("http", "ws")
        environment = DeepgramClientEnvironment(
            base=self.address, production=sockets, agent=sockets, agent_rest=self.address
        )
        return AsyncDeepgramClient(api_key=key, environment=environment, httpx_client=http)

    def socket(self, path: str, headers: dict[str, str] | None = None) -> connect:
        return connect(
            f"{self.address.replace('http', 'ws')}{path}",
            additional_headers=KEY if headers is None else headers,
            compression=None,
            proxy=None,
        )


@asynccontextmanager
async def bench(settings: Settings = FAST, faults: Faults | None = None) -> AsyncIterator[Bench]:
    lab = Deepgram(settings, faults)
    async with serving(make_app(lab)) as address:
        yield Bench(lab, address)


def said(text: str, utterance: int = 0) -> bytes:
    return encode(text, Speaker.CALLER, utterance)


async def texts_until(socket: ClientConnection, kind: str, within_s: float = 5) -> list[dict[str, Any]]:
    """Text messages up to and including the first of this type."""
    messages = []
    async with asyncio.timeout(within_s):
        while True:
            message = await socket.recv()
            if isinstance(message, str):
                messages.append(json.loads(message))
                if messages[-1]["type"] == kind:
                    return messages


async def all_of(socket: ClientConnection, within_s: float = 5) -> list[str | bytes]:
    """Every message until the socket closes."""
    messages: list[str | bytes] = []
    async with asyncio.timeout(within_s):
        try:
            while True:
                messages.append(await socket.recv())
        except ConnectionClosed:
            return messages


async def eventually(is_so: Callable[[], bool], what: str) -> None:
    async def look() -> bool:
        return is_so()

    await wait_for_async(look, 5, what)


def transcript(message: dict[str, Any]) -> str:
    return str(message["channel"]["alternatives"][0]["transcript"])


def heard(sound: list[str | bytes] | list[bytes]) -> list[str]:
    decoder, transcripts, found = Decoder(), Transcript(), []
    for piece in sound:
        if isinstance(piece, bytes):
            found += transcripts.add(decoder.feed(piece), decoder.heard)
    return [one.text for one in found + transcripts.close()]


# The vendor's SDK as client


async def test_sdk_listens() -> None:
    async with bench() as b, httpx.AsyncClient(verify=False) as http:
        listening = b.sdk(http).listen.v1.connect(
            model="nova-3",
            encoding="mulaw",
            sample_rate=8000,
            interim_results=True,
            endpointing=300,
            utterance_end_ms=1000,
            vad_events=True,
            smart_format=True,
            keyterm=["Fernway", "orange light"],
        )
        async with listening as socket:
            await socket.send_media(said("My order has not arrived.") + SECOND * 2)
            await socket.send_keep_alive()
            await socket.send_configure(ListenV1Configure(keyterms=["Kayako"], features={"numerals": True}))
            await socket.send_finalize()
            await socket.send_close_stream()
            messages = [message async for message in socket]
    kinds = [type(message).__name__ for message in messages]
    assert kinds[0] == "ListenV1SpeechStarted"
    assert kinds[-1] == "ListenV1Metadata"
    assert {"ListenV1Results", "ListenV1UtteranceEnd", "ListenV1ConfigureSuccess"} < set(kinds)
    turn = [m for m in messages if getattr(m, "speech_final", False)]
    assert [m.channel.alternatives[0].transcript for m in turn] == ["My order has not arrived."]


async def test_sdk_speaks() -> None:
    async with bench() as b, httpx.AsyncClient(verify=False) as http:
        speaking = b.sdk(http).speak.v1.connect(model="aura-2-thalia-en", encoding="mulaw", sample_rate="8000")
        async with speaking as socket:
            await socket.send_text(SpeakV1Text(text="Sure, let me check that. "))
            await socket.send_text(SpeakV1Text(text="One moment"))
            await socket.send_flush()
            messages = [await socket.recv()]
            while isinstance(messages[-1], bytes) or messages[-1].type != "Flushed":
                messages.append(await socket.recv())
            await socket.send_close()
    assert not isinstance(messages[0], bytes)
    assert messages[0].type == "Metadata"
    sound = [message for message in messages if isinstance(message, bytes)]
    assert heard(sound) == ["Sure, let me check that.", "One moment"]
    assert {len(piece) for piece in sound[:5]} == {800}


async def test_sdk_uses_the_http_side() -> None:
    async with bench() as b, httpx.AsyncClient(verify=False) as http:
        client = b.sdk(http)
        asked = {"model": "aura-2-thalia-en", "encoding": "mulaw", "sample_rate": 8000}
        raw = [
            piece
            async for piece in client.speak.v1.audio.generate(text="Hallo, schöne Welt!", container="none", **asked)
        ]
        assert heard(raw) == ["Hallo, schöne Welt!"]
        file = b"".join([piece async for piece in client.speak.v1.audio.generate(text="A file.", **asked)])
        assert heard([read_wav(file)]) == ["A file."]
        answer = await client.listen.v1.media.transcribe_file(request=file, model="nova-3", smart_format=True)
        assert answer.results.channels[0].alternatives[0].transcript == "A file."
        token = await client.auth.v1.tokens.grant(ttl_seconds=30)
        bearer = {"Authorization": f"bearer {token.access_token}"}
        async with b.socket(f"/v1/listen?{TELEPHONE}", bearer) as socket:
            assert socket.response is not None
            assert socket.response.headers["dg-request-id"]
        with pytest.raises(InvalidStatus):
            await b.socket(f"/v1/listen?{TELEPHONE}", {"Authorization": f"Bearer {token.access_token}x"})


async def test_sdk_sees_the_refusals_it_knows() -> None:
    async with bench() as b, httpx.AsyncClient(verify=False) as http:
        with pytest.raises(ApiError) as refused:
            async with b.sdk(http, key="wrong").listen.v1.connect(model="nova-3"):
                pass
        assert refused.value.status_code == 401
        with pytest.raises(ApiError) as bad:
            async for _ in b.sdk(http).speak.v1.audio.generate(text="x" * 2001, encoding="mulaw", sample_rate=8000):
                pass
        assert bad.value.status_code == 413


# Refusals


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        (f"/v1/listen?{TELEPHONE}", {}, 401, "INVALID_AUTH"),
        (f"/v1/listen?{TELEPHONE}", {"Authorization": "Token nobody"}, 401, "INVALID_AUTH"),
        ("/v1/listen?model=nova-3&encoding=mulaw&sample_rate=x", KEY, 400, "INVALID_QUERY_PARAMETER"),
        ("/v1/listen?model=nova-3&language=english", KEY, 400, "Bad Request"),
        (f"/v1/speak?{AURA}", {}, 401, "INVALID_AUTH"),
        ("/v1/speak?model=flux-haley-en", KEY, 400, "Bad Request"),
    ],
)
async def test_refused_upgrades(path: str, headers: dict[str, str], status: int, code: str) -> None:
    async with bench() as b:
        with pytest.raises(InvalidStatus) as refusal:
            await b.socket(path, headers)
    response = refusal.value.response
    body = json.loads(response.body or b"")
    assert (response.status_code, body["err_code"]) == (status, code)
    assert response.headers["dg-error"] == body["err_msg"]
    assert response.headers["dg-request-id"] == body["request_id"]


@pytest.mark.parametrize("path", [f"/v1/listen?{TELEPHONE}", f"/v1/speak?{AURA}"])
async def test_more_sockets_than_the_plan_allows_are_refused_until_one_closes(path: str) -> None:
    async with bench(Settings(most_listening=1, most_speaking=1)) as b:
        async with b.socket(path):
            with pytest.raises(InvalidStatus) as refusal:
                await b.socket(path)
            assert refusal.value.response.status_code == 429
            assert json.loads(refusal.value.response.body or b"")["err_code"] == "TOO_MANY_REQUESTS"
        await eventually(lambda: not any(b.lab.open_sockets().values()), "the place is free again")
        async with b.socket(path):
            pass


# Golden samples


RESULT_KEYS = {
    "type",
    "channel_index",
    "duration",
    "start",
    "is_final",
    "speech_final",
    "channel",
    "metadata",
    "from_finalize",
}


async def test_listening_messages_have_the_golden_shape() -> None:
    async with bench() as b, b.socket(f"/v1/listen?{TELEPHONE}") as socket:
        await socket.send(said("My order has not arrived.") + SECOND * 2)
        turn = await texts_until(socket, "UtteranceEnd")
        await socket.send('{"type":"Finalize"}')
        await socket.send('{"type":"CloseStream"}')
        end = await texts_until(socket, "Metadata")
        await all_of(socket)
        assert socket.close_code == 1000
    assert turn[0] == {"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.0}
    final = next(one for one in turn if one.get("speech_final"))
    assert set(final) == RESULT_KEYS
    assert set(final["metadata"]) == {"request_id", "model_info", "model_uuid"}
    assert set(final["metadata"]["model_info"]) == {"name", "version", "arch"}
    word = final["channel"]["alternatives"][0]["words"][0]
    assert set(word) == {"word", "start", "end", "confidence", "punctuated_word"}
    assert set(turn[-1]) == {"type", "channel", "last_word_end"}
    (empty,) = [one for one in end if one.get("from_finalize")]
    assert (empty["from_finalize"], transcript(empty), empty["channel"]["alternatives"][0]["words"]) == (True, "", [])
    assert set(end[-1]) == {"type", "transaction_key", "request_id", "sha256", "created", "duration", "channels"}


async def test_recorded_results_of_the_vendor_have_the_fields_of_ours(shared_data: Path) -> None:
    recorded = json.loads((shared_data / "peer_fixtures/stt_events/vad-deepgram.json").read_text())
    for event in recorded["events"]:
        if event["event_type"] == "Results":
            assert set(event["data"]) == RESULT_KEYS
        elif event["event_type"] == "SpeechStarted":
            assert set(event["data"]) == {"type", "channel", "timestamp"}


async def test_documented_client_messages_are_understood(shared_data: Path) -> None:
    lines = (shared_data / "peer_fixtures/deepgram_messages.jsonl").read_text().splitlines()
    controls = [json.loads(line)["message"] for line in lines]
    controls = [one for one in controls if one.get("type") in ("KeepAlive", "Finalize", "CloseStream")]
    assert len(controls) >= 4
    controls.sort(key=lambda one: one["type"] == "CloseStream")
    async with bench() as b, b.socket(f"/v1/listen?{TELEPHONE}") as socket:
        await socket.send(said("Good day.") + SECOND)
        for control in controls:
            await socket.send(json.dumps(control))
        messages = [json.loads(one) for one in await all_of(socket)]
    assert "Error" not in {one["type"] for one in messages}
    assert messages[-1]["type"] == "Metadata"


async def test_control_messages_are_answered_as_documented() -> None:
    async with bench() as b, b.socket(f"/v1/listen?{TELEPHONE}") as socket:
        await socket.send('{"type":"Configure","keyterms":["Kayako","SSO"],"features":{"numerals":true}}')
        (success,) = await texts_until(socket, "ConfigureSuccess")
        assert success["keyterms"] == ["Kayako", "SSO"]
        await socket.send(json.dumps({"type": "Configure", "keyterms": ["word " * 501]}))
        (failure,) = await texts_until(socket, "ConfigureFailure")
        assert failure["code"] == "CONFIGURE_KEYTERM_LIMIT_EXCEEDED"
        for wrong in ('{"type":"Keepalive"}', "KeepAlive", '{"kind":"KeepAlive"}', "[]"):
            await socket.send(wrong)
            (error,) = await texts_until(socket, "Error")
            assert (error["variant"], error["message"]) == ("SchemaError", wrong)
        assert b.lab.counts["listen_bad_message"] == 4


async def test_speaking_messages_have_the_golden_shape() -> None:
    async with bench() as b, b.socket(f"/v1/speak?{AURA}") as socket:
        (metadata,) = await texts_until(socket, "Metadata")
        assert {"request_id", "model_name", "model_version", "model_uuid"} < set(metadata)
        await socket.send('{"type":"Speak","text":"Sure, let me check that."}')
        await socket.send('{"type":"Flush"}')
        assert await texts_until(socket, "Flushed") == [{"type": "Flushed", "sequence_id": 0}]
        await socket.send('{"type":"Clear"}')
        assert await texts_until(socket, "Cleared") == [{"type": "Cleared", "sequence_id": 1}]
        await socket.send('{"type":"Close"}')
        await all_of(socket)
        assert socket.close_code == 1000


# Closes


@pytest.mark.parametrize(
    ("query", "frame", "code", "reason"),
    [
        ("model=nova-3", b"\x00" * 160, 1008, "DATA-0000"),
        ("model=nova-3&encoding=opus&sample_rate=48000", b"\x00" * 160, 1008, "DATA-0000"),
        (TELEPHONE, b"", 1000, ""),
    ],
)
async def test_audio_that_ends_a_listening_socket(query: str, frame: bytes, code: int, reason: str) -> None:
    async with bench() as b, b.socket(f"/v1/listen?{query}") as socket:
        await socket.send(frame)
        await all_of(socket)
        assert socket.close_code == code
        assert (socket.close_reason or "").startswith(reason)


@pytest.mark.parametrize(
    ("frame", "code", "reason"),
    [
        (b"\x00", 1003, "MESSAGE-0000"),
        ('{"type":"Shout"}', 1008, "DATA-0000"),
        ("Speak!", 1008, "DATA-0000"),
        (json.dumps({"type": "Speak", "text": "x" * 2001}), 1009, "BIG-0001"),
    ],
)
async def test_messages_that_end_a_speaking_socket(frame: str | bytes, code: int, reason: str) -> None:
    async with bench() as b, b.socket(f"/v1/speak?{AURA}") as socket:
        await socket.send(frame)
        await all_of(socket)
        assert (socket.close_code, (socket.close_reason or "").partition(":")[0]) == (code, reason)


async def keep_alive(socket: ClientConnection, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while True:
            await socket.send('{"type":"KeepAlive"}')
            await asyncio.sleep(0.05)


async def test_a_stream_without_audio_is_closed_and_keepalive_alone_does_not_save_it() -> None:
    async with bench(Settings(idle_limit_s=0.3)) as b, b.socket(f"/v1/listen?{TELEPHONE}") as socket:
        closing = asyncio.ensure_future(all_of(socket))
        with pytest.raises(ConnectionClosed):
            await keep_alive(socket, within_s=3)
        await closing
        assert (socket.close_code, (socket.close_reason or "")[:8]) == (1011, "NET-0001")


async def test_keepalive_saves_a_stream_that_has_had_audio() -> None:
    async with bench(Settings(idle_limit_s=0.3)) as b, b.socket(f"/v1/listen?{TELEPHONE}") as socket:
        await socket.send(SILENCE)
        for _ in range(10):
            await asyncio.sleep(0.06)
            await socket.send('{"type":"KeepAlive"}')
        await socket.send('{"type":"CloseStream"}')
        await all_of(socket)
        assert socket.close_code == 1000


async def test_the_hour_of_a_speaking_socket_ends() -> None:
    async with bench(Settings(session_limit_s=0.1)) as b, b.socket(f"/v1/speak?{AURA}") as socket:
        await all_of(socket)
        assert (socket.close_code, (socket.close_reason or "")[:8]) == (1011, "NET-0003")


# Speaking


async def test_the_first_sound_takes_its_time_and_the_rest_comes_ten_times_faster_than_it_plays() -> None:
    async with bench(Settings()) as b, b.socket(f"/v1/speak?{AURA}") as socket:
        began = time.monotonic()
        await socket.send(json.dumps({"type": "Speak", "text": "x" * 75 + "."}))
        await socket.send('{"type":"Flush"}')
        arrivals = []
        async with asyncio.timeout(5):
            while (message := await socket.recv()) and not (isinstance(message, str) and "Flushed" in message):
                if isinstance(message, bytes):
                    arrivals.append(time.monotonic() - began)
    assert 0.12 <= arrivals[0] < 0.3
    assert arrivals[-1] - arrivals[0] == pytest.approx(0.3, abs=0.15)


async def test_clear_drops_what_was_not_sent_and_the_next_answer_starts_clean() -> None:
    async with bench(Settings(generation_speed=2)) as b, b.socket(f"/v1/speak?{AURA}") as socket:
        await socket.send(json.dumps({"type": "Speak", "text": "This long answer is interrupted very soon. And more."}))
        await socket.send('{"type":"Flush"}')
        sound = [await socket.recv(), await socket.recv()]
        await socket.send('{"type":"Clear"}')
        await texts_until(socket, "Cleared")
        await socket.send('{"type":"Speak","text":"Yes?"}')
        await socket.send('{"type":"Flush"}')
        rest: list[str | bytes] = []
        async with asyncio.timeout(5):
            while not rest or isinstance(rest[-1], bytes):
                rest.append(await socket.recv())
    assert heard(rest) == ["Yes?"]
    assert "".join(heard(sound)) in "This long answer"


async def test_the_twenty_first_flush_in_a_minute_is_ignored_with_a_warning() -> None:
    async with bench(Settings()) as b, b.socket(f"/v1/speak?{AURA}") as socket:
        for _ in range(20):
            await socket.send('{"type":"Flush"}')
            await texts_until(socket, "Flushed")
        await socket.send('{"type":"Speak","text":"never said"}')
        await socket.send('{"type":"Flush"}')
        (warning,) = await texts_until(socket, "Warning")
        assert warning["code"] == "EXCESSIVE_FLUSH"
        await socket.send('{"type":"Close"}')
        assert await all_of(socket) == []


async def test_linear_speech_comes_at_the_asked_rate() -> None:
    query = "model=aura-2-thalia-en&encoding=linear16&sample_rate=16000"
    async with bench() as b, b.socket(f"/v1/speak?{query}") as socket:
        await socket.send('{"type":"Speak","text":"Linear."}')
        await socket.send('{"type":"Flush"}')
        sound = b""
        async with asyncio.timeout(5):
            while not isinstance(message := await socket.recv(), str) or "Flushed" not in message:
                sound += message if isinstance(message, bytes) else b""
        listening = f"/v1/listen?{TELEPHONE}".replace("mulaw", "linear16").replace("=8000", "=16000")
        async with b.socket(listening) as ears:
            await ears.send(sound + bytes(32000))
            final = next(one for one in await texts_until(ears, "UtteranceEnd") if one.get("speech_final"))
    assert len(sound) == 7 * 40 * 16 * 2
    assert transcript(final) == "Linear."


# Faults


async def test_faults_are_set_while_it_runs() -> None:
    async with bench() as b, httpx.AsyncClient(verify=False, base_url=b.address) as http:
        answer = await http.put("/lab/faults", json={"listen": {"refuse": 503, "sockets": 1}})
        assert answer.json()["listen"] == {"refuse": 503, "sockets": 1}
        with pytest.raises(InvalidStatus) as refusal:
            await b.socket(f"/v1/listen?{TELEPHONE}")
        assert refusal.value.response.status_code == 503
        async with b.socket(f"/v1/listen?{TELEPHONE}"):
            pass
        assert (await http.put("/lab/faults", json={"listen": {"refuze": 1}})).status_code == 422
        await http.put("/lab/faults", json={"speak": {"ragged": True}})
        assert (await http.delete("/lab/faults")).json() == msgspec.to_builtins(Faults())
        described = (await http.get("/lab")).json()
        assert "not Deepgram" in described["what"]
        assert described["counts"]["listen_refused:503"] == 1


async def test_a_recogniser_that_is_cut_or_fails_mid_utterance() -> None:
    for faults, code in ((ListenFaults(cut_after_characters=8), 1006), (ListenFaults(close_after_characters=8), 1011)):
        async with bench(faults=Faults(listen=faults)) as b, b.socket(f"/v1/listen?{TELEPHONE}") as socket:
            await socket.send(said("Where is")[:-160])
            await socket.send(SILENCE)
            await all_of(socket)
            assert socket.close_code == code


@pytest.mark.parametrize("path", [f"/v1/listen?{TELEPHONE}", f"/v1/speak?{AURA}"])
async def test_a_handshake_that_hangs_ends_when_the_client_gives_up(path: str) -> None:
    faults = Faults(
        listen=ListenFaults(hangs_before_answer=True, sockets=1), speak=SpeakFaults(hangs_before_answer=True, sockets=1)
    )
    async with bench(faults=faults) as b:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await b.socket(path)
        await eventually(lambda: any(name.endswith("_gave_up") for name in b.lab.counts), "the handshake is given up")


async def test_a_recogniser_that_says_nothing_garbage_or_an_error() -> None:
    async with bench(faults=Faults(listen=ListenFaults(hears_nothing=True))) as b:
        async with b.socket(f"/v1/listen?{TELEPHONE}") as socket:
            await socket.send(said("Hello?") + SECOND * 2)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await socket.recv()
        b.lab.faults.set(Faults(listen=ListenFaults(sends_garbage=True, error="out of tea")))
        async with b.socket(f"/v1/listen?{TELEPHONE}") as socket:
            await socket.send(said("Hello?") + SECOND)
            await socket.send('{"type":"CloseStream"}')
            messages = await all_of(socket)
    assert b"\x00\x01\x02" in messages
    assert '{"type":"Results","chan' in messages
    assert any("out of tea" in str(one) for one in messages)
    assert any("Hello?" in str(one) for one in messages)


async def spoken(b: Bench, text: str, within_s: float = 1.0) -> tuple[list[str | bytes], int | None]:
    """What comes for a flushed text until `Flushed` or the end, and the close code when there was one."""
    messages: list[str | bytes] = []
    async with b.socket(f"/v1/speak?{AURA}") as socket:
        await socket.send(json.dumps({"type": "Speak", "text": text}))
        await socket.send('{"type":"Flush"}')
        try:
            async with asyncio.timeout(within_s):
                while not any("Flushed" in str(one) for one in messages):
                    messages.append(await socket.recv())
        except (TimeoutError, ConnectionClosed):
            pass
        return messages, socket.close_code


async def test_a_voice_that_breaks_in_every_way() -> None:
    text = "The answer you were promised."
    async with bench() as b:
        b.lab.faults.set(Faults(speak=SpeakFaults(cut_after_bytes=1000)))
        messages, code = await spoken(b, text)
        assert (sum(len(one) for one in messages if isinstance(one, bytes)), code) == (1000, 1006)
        b.lab.faults.set(Faults(speak=SpeakFaults(close_after_bytes=1000)))
        assert (await spoken(b, text))[1] == 1011
        b.lab.faults.set(Faults(speak=SpeakFaults(sends_no_sound=True)))
        messages, _ = await spoken(b, text)
        assert not any(isinstance(one, bytes) for one in messages)
        assert "Flushed" in str(messages[-1])
        b.lab.faults.set(Faults(speak=SpeakFaults(sends_noise=True)))
        messages, _ = await spoken(b, text)
        assert any(isinstance(one, bytes) for one in messages)
        assert heard(messages) == []
        b.lab.faults.set(Faults(speak=SpeakFaults(says_nothing=True)))
        messages, _ = await spoken(b, text, within_s=0.3)
        assert [json.loads(one)["type"] for one in messages] == ["Metadata"]
        b.lab.faults.set(Faults(speak=SpeakFaults(first_byte_delay_s=10, warning="LAB_WARNING")))  # 1 s at speed 10
        messages, _ = await spoken(b, text, within_s=0.5)
        assert [json.loads(one)["type"] for one in messages] == ["Metadata", "Warning"]
        b.lab.faults.set(Faults(speak=SpeakFaults(ragged=True)))
        messages, _ = await spoken(b, text)
        assert len({len(one) for one in messages if isinstance(one, bytes)}) > 5
        assert heard(messages) == [text]


async def test_forty_streams_at_once_are_heard_without_falling_behind() -> None:
    """Each sends 20 ms frames; the time a result takes must stay near the configured delay."""
    audio = said("One of many callers at the same time.") + SILENCE * 30
    late: list[float] = []

    async def call(b: Bench) -> None:
        async with b.socket(f"/v1/listen?{TELEPHONE}") as socket:
            began = time.monotonic()
            sending = asyncio.ensure_future(send(socket, began))
            while not (message := (await texts_until(socket, "Results"))[-1])["speech_final"]:
                pass
            late.append(time.monotonic() - began - message["start"] - message["duration"])
            await sending

    async def send(socket: ClientConnection, began: float) -> None:
        for number, place in enumerate(range(0, len(audio), 160)):
            await asyncio.sleep(max(0.0, began + number * 0.02 - time.monotonic()))
            await socket.send(audio[place : place + 160])

    async with bench(Settings()) as b:
        await asyncio.gather(*(call(b) for _ in range(40)))
    assert len(late) == 40
    assert sorted(late)[20] < 0.2
