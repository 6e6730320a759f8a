"""`POST /v1/audio/speech`: text in, sound out at the speed of generation, in words that survive being resampled."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from fractions import Fraction
from typing import Literal

from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from lab.openai import catalogue
from lab.openai.faults import OpenAIFault
from lab.openai.refusals import invalid
from lab.openai.stand_in import StandIn
from lab.speech.encoder import Speaker
from lab.speech.pulses import encode_pulses
from lab.wire.connection import client_gone, hang_up
from lab.wire.faults import Fault

RATE = 24000
PIECE = RATE // 5
"""Bytes of a tenth of a second of PCM."""
LONGEST_INPUT = 4096
Voice = Literal[
    "alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin", "cedar"
]
NOT_SOUND = b'{"object": "speech", "audio": '
FAULTS = (OpenAIFault.HANG, OpenAIFault.CUT, OpenAIFault.EARLY_CLOSE, OpenAIFault.GARBAGE_JSON)
_utterances = itertools.count()


class SpeechRequest(BaseModel):
    """The body of a request to speak."""

    model_config = ConfigDict(extra="forbid")

    model: str
    input: str = Field(min_length=1, max_length=LONGEST_INPUT)
    voice: Voice
    instructions: str | None = None
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3"
    speed: float = Field(default=1.0, ge=0.25, le=4.0)
    stream_format: Literal["audio", "sse"] = "audio"


class Speech:
    """Answers one request after the other; holds nothing of them."""

    def __init__(self, stand_in: StandIn) -> None:
        self._stand_in = stand_in

    async def answer(self, request: Request, body: JsonValue, where: str) -> Response:
        """The sound as it is made. Raises Refused."""
        asked = _read(body)
        catalogue.speech_model(asked.model, self._stand_in.clock.now().date())
        if asked.response_format not in ("pcm", "mp3") or asked.stream_format != "audio":
            raise invalid("The lab's stand-in speaks pcm and mp3, as audio.", "response_format", "unsupported_value")
        faults = self._stand_in.faults
        slow = faults.draw(where, OpenAIFault.SLOW)
        await asyncio.sleep(self._stand_in.settings.first_sound_s + (slow.seconds if slow is not None else 0.0))
        if faults.draw(where, OpenAIFault.EMPTY_ANSWER):
            return Response(b"", media_type="audio/pcm")
        samples = encode_pulses(asked.input, Speaker.ASSISTANT, next(_utterances), RATE)
        sound = samples if asked.response_format == "pcm" else mp3(samples)
        return _Sound(self._paced(sound, len(samples)), faults.draw(where, *FAULTS), asked.response_format, request)

    async def _paced(self, sound: bytes, pcm_bytes: int) -> AsyncIterator[bytes]:
        """Pieces of a tenth of a second, however many bytes that is in this format."""
        size = max(1, len(sound) * PIECE // pcm_bytes)
        for place in range(0, len(sound), size):
            yield sound[place : place + size]
            await asyncio.sleep(0.1 / self._stand_in.settings.speech_speed)


def _read(body: JsonValue) -> SpeechRequest:
    """Raises Refused (400)."""
    try:
        return SpeechRequest.model_validate(body)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        name = str(problem["loc"][0]) if problem["loc"] else None
        raise invalid(f"Invalid value for '{name}': {problem['msg']}.", name, "invalid_value") from error


def mp3(samples: bytes, rate: int = RATE) -> bytes:
    """16-bit samples as an MP3 of 64 kbit/s."""
    encoder = AudioCodecContext.create("libmp3lame", "w")
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = rate, "mono", "s16p", 64_000
    encoder.time_base = Fraction(1, rate)
    encoder.open()
    size = encoder.frame_size * 2
    packets = []
    for place in range(0, len(samples), size):
        piece = samples[place : place + size]
        frame = AudioFrame(format="s16p", layout="mono", samples=len(piece) // 2)
        frame.planes[0].update(piece.ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.pts, frame.time_base = rate, place // 2, Fraction(1, rate)
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    return b"".join(bytes(packet) for packet in packets)


class _Sound(StreamingResponse):
    """The sound, until a fault ends it."""

    def __init__(
        self, pieces: AsyncIterator[bytes], fault: Fault[OpenAIFault] | None, form: str, request: Request
    ) -> None:
        super().__init__(pieces, media_type="audio/mpeg" if form == "mp3" else "audio/pcm")
        self._pieces = pieces
        self._fault = fault
        self._receive = request.receive

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._fault is None:
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        sent = 0
        if self._fault.kind is OpenAIFault.GARBAGE_JSON:
            await send({"type": "http.response.body", "body": NOT_SOUND})
            return
        async for piece in self._pieces:
            if sent == self._fault.after:
                break
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            sent += 1
        match self._fault.kind:
            case OpenAIFault.HANG:
                await client_gone(self._receive)
            case OpenAIFault.CUT:
                await hang_up(scope, self._receive, flush=True)
            case _:
                await send({"type": "http.response.body", "body": b""})
