"""The stand-in for ElevenLabs as its clients see it: the vendor's SDK and its types, a bare socket, golden samples."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.types import (
    AudioOutputMulti,
    CloseContext,
    CloseSocket,
    FinalOutputMulti,
    InitializeConnectionMulti,
    KeepContextAlive,
    SendTextMulti,
)
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from lab.elevenlabs.app import make_app
from lab.elevenlabs.faults import Faults
from lab.elevenlabs.settings import Settings
from lab.elevenlabs.state import ElevenLabs
from lab.speech.decoder import Decoder
from tests.serving import serving

VOICE = "JBFqnCBsd6RMkjVDRZzb"
FAST = Settings(speed=20)
QUERY = "model_id=eleven_flash_v2_5&output_format=ulaw_8000&inactivity_timeout=180"
GOLDEN_MULTI: list[dict[str, Any]] = [
    {
        "text": " ",
        "context_id": "r1",
        "voice_settings": {"stability": 0.5, "similarity_boost": 0.8, "use_speaker_boost": False},
    },
    {"text": "Your refund was sent on Monday. ", "context_id": "r1"},
    {"text": "It should arrive within five days. ", "context_id": "r1", "flush": True},
]
SECOND_REPLY = {
    "text": "Sure, which order do you mean? ",
    "context_id": "r2",
    "voice_settings": {"stability": 0.5, "similarity_boost": 0.8},
    "flush": True,
}


@dataclass
class Bench:
    lab: ElevenLabs
    address: str

    @asynccontextmanager
    async def socket(
        self, kind: str = "multi-stream-input", query: str = QUERY, key: str | None = "lab", voice: str = VOICE
    ) -> AsyncIterator[ClientConnection]:
        url = f"{self.address.replace('http', 'ws')}/v1/text-to-speech/{voice}/{kind}?{query}"
        headers = {} if key is None else {"xi-api-key": key}
        async with connect(url, additional_headers=headers, compression=None, proxy=None) as socket:
            yield socket


@asynccontextmanager
async def a_bench(settings: Settings = FAST, faults: Faults | None = None) -> AsyncIterator[Bench]:
    lab = ElevenLabs(settings, faults)
    async with serving(make_app(lab)) as address:
        yield Bench(lab, address)


async def send(socket: ClientConnection, *messages: dict[str, Any]) -> None:
    for message in messages:
        await socket.send(json.dumps(message))


async def until_final(socket: ClientConnection, context: str | None = None) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    while not told or not (told[-1].get("isFinal") and told[-1].get("contextId") == context):
        told.append(json.loads(await socket.recv()))
    return told


def words_in(told: list[dict[str, Any]], context: str | None = None) -> str:
    decoder = Decoder()
    audio = [base64.b64decode(one["audio"]) for one in told if one.get("audio") and one.get("contextId") == context]
    return "".join(letter.character for piece in audio for letter in decoder.feed(piece))


async def test_the_golden_barge_in_with_several_contexts() -> None:
    async with a_bench(Settings(speed=2)) as bench, bench.socket() as socket:
        await send(socket, *GOLDEN_MULTI)
        first = json.loads(await socket.recv())
        assert (first["contextId"], first["alignment"]) == ("r1", None)
        await send(socket, {"context_id": "r1", "close_context": True})
        rest = await until_final(socket, "r1")
        assert rest[-1] == {"isFinal": True, "contextId": "r1"}
        assert "five days." in words_in([first, *rest], "r1"), "what was flushed still comes after the close"
        await send(socket, SECOND_REPLY, {"text": "", "context_id": "r2"}, {"context_id": "r2", "close_context": True})
        assert words_in(await until_final(socket, "r2"), "r2") == "Sure, which order do you mean?"
        await send(socket, {"close_socket": True})
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000
        assert bench.lab.counts["phantom_context"] == 0


async def test_the_vendors_own_types_read_and_write_these_messages() -> None:
    opened = [
        InitializeConnectionMulti.model_validate(GOLDEN_MULTI[0]),
        SendTextMulti(text="A sentence. ", context_id="r1", flush=True),
        KeepContextAlive(text="", context_id="r1"),
        CloseContext(context_id="r1", close_context=True),
    ]
    async with a_bench() as bench, bench.socket(query=f"{QUERY}&sync_alignment=true") as socket:
        for message in opened:
            await socket.send(message.model_dump_json(exclude_none=True, by_alias=True))
        told = await until_final(socket, "r1")
        audio = AudioOutputMulti.model_validate(told[0])
        assert audio.context_id == "r1"
        assert audio.alignment is not None
        assert "".join(audio.alignment.chars or [])[:5] == "A sen"
        assert FinalOutputMulti.model_validate(told[-1]).is_final is True
        await socket.send(CloseSocket(close_socket=True).model_dump_json())


async def test_the_golden_single_stream_ends_with_empty_text() -> None:
    async with a_bench() as bench, bench.socket("stream-input") as socket:
        settings = {"stability": 0.5, "similarity_boost": 0.8, "use_speaker_boost": False, "speed": 1.0}
        schedule = {"chunk_length_schedule": [50, 120, 160, 290]}
        await send(
            socket,
            {"text": " ", "voice_settings": settings, "generation_config": schedule},
            {"text": "Your ticket is open. ", "try_trigger_generation": False},
            {"text": "Anything else? ", "flush": True},
            {"text": " "},
            {"text": ""},
        )
        told = await until_final(socket)
        assert words_in(told) == "Your ticket is open. Anything else?"
        assert told[-1] == {"audio": None, "isFinal": True, "normalizedAlignment": None, "alignment": None}
        with pytest.raises(ConnectionClosed):
            await socket.recv()


async def test_without_auto_mode_nothing_is_spoken_before_the_schedule_or_a_flush() -> None:
    async with a_bench() as bench, bench.socket() as socket:
        await send(socket, {"text": " ", "context_id": "a"}, {"text": "A short sentence. ", "context_id": "a"})
        await send(socket, {"context_id": "a", "close_context": True})
        assert words_in(await until_final(socket, "a"), "a") == ""
    async with a_bench() as bench, bench.socket(query=f"{QUERY}&auto_mode=true") as socket:
        await send(socket, {"text": " ", "context_id": "a"}, {"text": "A short sentence. ", "context_id": "a"})
        await send(socket, {"context_id": "a", "close_context": True})
        assert words_in(await until_final(socket, "a"), "a") == "A short sentence."


async def test_the_sixth_context_ends_the_socket() -> None:
    async with a_bench() as bench, bench.socket() as socket:
        for number in range(6):
            await send(socket, {"text": " ", "context_id": f"c{number}"})
        error = json.loads(await socket.recv())
        assert (error["error"], error["code"]) == ("max_active_conversations", 1008)
        assert "exceeded (5)" in error["message"]
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008


async def test_a_flush_of_an_unknown_context_opens_a_phantom() -> None:
    async with a_bench() as bench, bench.socket() as socket:
        await send(socket, {"context_id": "nobody", "flush": True}, {"context_id": "nobody", "close_context": True})
        await until_final(socket, "nobody")
        assert bench.lab.counts["phantom_context"] == 1


@pytest.mark.parametrize(
    "message",
    [
        pytest.param({"text": "x ", "context_id": "r1", "voice_settings": {"speed": 1.0}}, id="settings-later"),
        pytest.param({"text": "x ", "context_id": "r2", "voice_settings": {"stability": 2}}, id="out-of-range"),
        pytest.param({"txt": "x "}, id="unknown-field"),
    ],
)
async def test_nonsense_is_answered_with_an_error_and_a_close(message: dict[str, Any]) -> None:
    async with a_bench() as bench, bench.socket() as socket:
        await send(socket, GOLDEN_MULTI[0], message)
        assert json.loads(await socket.recv())["error"] == "invalid_message"
        with pytest.raises(ConnectionClosed):
            await socket.recv()


async def test_a_socket_without_text_is_closed_in_time() -> None:
    query = QUERY.replace("180", "1")
    async with a_bench() as bench, bench.socket(query=query) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.reason.startswith("Have not received a new text input within the timeout of 1 seconds")


async def test_handshakes_are_refused_as_documented() -> None:
    async with a_bench() as bench:
        refused = {
            401: bench.socket(key="wrong"),
            400: bench.socket(query="model_id=eleven_v3&output_format=ulaw_8000"),
        }
        for status, attempt in refused.items():
            with pytest.raises(InvalidStatus) as caught:
                async with attempt:
                    pass
            assert caught.value.response.status_code == status
        async with bench.socket(key=None) as socket:
            await send(socket, {"text": " ", "xi_api_key": "wrong"})
            assert json.loads(await socket.recv())["error"] == "invalid_api_key"
        async with bench.socket(key=None) as socket:
            await send(socket, {**SECOND_REPLY, "xi_api_key": "lab"}, {"context_id": "r2", "close_context": True})
            assert words_in(await until_final(socket, "r2"), "r2")


async def test_the_vendors_sdk_streams_and_reads_refusals() -> None:
    async with a_bench(Settings(speed=20)) as bench, httpx.AsyncClient() as http:
        client = AsyncElevenLabs(api_key="lab", base_url=bench.address, httpx_client=http)
        stream = client.text_to_speech.stream(
            VOICE, text="Hello.", model_id="eleven_flash_v2_5", output_format="ulaw_8000"
        )
        audio = b"".join([piece async for piece in stream])
        assert "".join(letter.character for letter in Decoder().feed(audio)) == "Hello."

        async def status_of(**faults: Any) -> tuple[int | None, Any]:
            bench.lab.faults.set(Faults(**faults))
            with pytest.raises(ApiError) as caught:
                _ = [piece async for piece in client.text_to_speech.stream(VOICE, text="Hello.", model_id="x")]
            return caught.value.status_code, caught.value.body

        assert await status_of(refuse="quota_exceeded") == (
            401,
            {"detail": {"status": "quota_exceeded", "message": "This request exceeds your quota."}},
        )
        assert (await status_of(refuse="system_busy"))[0] == 429
        assert (await status_of())[0] == 400
