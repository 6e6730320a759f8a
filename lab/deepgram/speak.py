"""`WS /v1/speak`: text in, sound out."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import NoReturn

import msgspec
from starlette.datastructures import QueryParams
from starlette.websockets import WebSocket, WebSocketDisconnect

from lab.deepgram.faults import SpeakFaults
from lab.deepgram.refusals import Refused
from lab.deepgram.sockets import DATA_0000, NET_0000, NET_0003, Closed, Left, Outgoing, deny, end, obstruct, until_left
from lab.deepgram.speak_options import SpeakOptions
from lab.deepgram.state import Deepgram
from lab.races import first_of
from lab.speech.encoder import Speaker, encode
from lab.speech.mulaw import RATE

MESSAGE_0000 = (1003, "MESSAGE-0000: only text frames are understood")
BIG_0001 = (1009, "BIG-0001: too many characters in one message")
ReadOptions = Callable[[QueryParams], SpeakOptions]
"""Raises Refused with status 400."""
ENDS_A_SENTENCE = (".", "!", "?", "…", "。")
MODEL_UUID = "1ab00000-0000-4000-8000-000000000002"


class Control(msgspec.Struct):
    """A text message of a client."""

    type: str
    text: str = ""


async def speak(socket: WebSocket, lab: Deepgram, read: ReadOptions, session: type[SpeakSession]) -> None:
    """One socket of either kind of speech, from handshake to close."""
    request_id = lab.new_request_id()
    faults = lab.faults.for_speaking()
    try:
        await obstruct(faults, socket)
        lab.authenticate(socket)
        options = read(socket.query_params)
        with lab.place("speak", lab.settings.most_speaking):
            lab.counts[f"speak_voice:{options.model}"] += 1
            await socket.accept(headers=[(b"dg-request-id", request_id.encode())])
            await session(socket, lab, options, faults, request_id).run()
    except Refused as refusal:
        lab.counts[f"speak_refused:{refusal.status}"] += 1
        await deny(socket, refusal, request_id)
    except Left:
        lab.counts["speak_gave_up"] += 1


class SpeakSession:
    """An accepted socket of `/v1/speak`."""

    def __init__(
        self, socket: WebSocket, lab: Deepgram, options: SpeakOptions, faults: SpeakFaults, request_id: str
    ) -> None:
        self._socket = socket
        self._lab = lab
        self._options = options
        self._faults = faults
        self._request_id = request_id
        self._outgoing = Outgoing(socket)
        self._buffer = ""
        self._work: asyncio.Queue[str | None] = asyncio.Queue()
        """Texts to speak in order; None confirms a flush."""
        self._clears = 0
        self._sequence = 0
        self._utterance = 0
        self._sent_bytes = 0
        self._warned = False
        self._flushes: deque[float] = deque()

    async def run(self) -> None:
        try:
            await first_of(self._receive(), self._outgoing.send(), self._generate(), self._watch_the_hour())
        except Closed as closed:
            self._lab.counts[f"speak_closed:{closed.reason.partition(':')[0] or closed.code or 'cut'}"] += 1
            await end(self._socket, closed)
        except (Left, WebSocketDisconnect):
            self._lab.counts["speak_left"] += 1

    def _greet(self) -> None:
        metadata = {"model_name": self._options.model, "model_version": "lab", "model_uuid": MODEL_UUID}
        self._outgoing.put({"type": "Metadata", "request_id": self._request_id, **metadata})

    async def _receive(self) -> NoReturn:
        self._greet()
        if self._faults.says_nothing:
            await until_left(self._socket)
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise Left
            text = message.get("text")
            if text is None:
                raise Closed(*MESSAGE_0000)
            await self._obey(text)

    async def _obey(self, text: str) -> None:
        try:
            control = msgspec.json.decode(text, type=Control)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise Closed(*DATA_0000) from error
        match control.type:
            case "Speak":
                self._take(control.text)
            case "Flush":
                self._flush()
            case "Clear":
                self._clear()
            case "Close":
                await self._outgoing.sent()
                raise Closed(1000)
            case _:
                self._lab.counts["speak_bad_message"] += 1
                raise Closed(*DATA_0000)

    def _take(self, text: str) -> None:
        """Add to the text that waits; a sentence that is complete is spoken without waiting for a flush."""
        if len(text) > self._lab.settings.longest_text:
            raise Closed(*BIG_0001)
        if self._faults.warning is not None and not self._warned:
            self._warned = True
            self._outgoing.put({"type": "Warning", "code": self._faults.warning, "description": "a fault of the lab"})
        self._buffer += text
        if self._buffer.rstrip().endswith(ENDS_A_SENTENCE):
            self._start_speaking()

    def _start_speaking(self) -> None:
        if self._buffer.strip():
            self._lab.counts["speak_characters"] += len(self._buffer)
            self._work.put_nowait(self._buffer.strip())
        self._buffer = ""

    def _flush(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._flushes and now - self._flushes[0] > self._lab.scaled(60.0):
            self._flushes.popleft()
        if len(self._flushes) >= self._lab.settings.flushes_a_minute:
            self._lab.counts["speak_excessive_flush"] += 1
            warning = {"code": "EXCESSIVE_FLUSH", "description": "too many flush messages; this one is ignored"}
            self._outgoing.put({"type": "Warning", **warning})
            return
        self._flushes.append(now)
        self._start_speaking()
        self._work.put_nowait(None)

    def _clear(self) -> None:
        """Forget text and sound that are not on their way yet."""
        self._clears += 1
        self._buffer = ""
        while not self._work.empty():
            self._work.get_nowait()
        self._confirm("Cleared")

    def _confirm(self, kind: str) -> None:
        self._outgoing.put({"type": kind, "sequence_id": self._sequence})
        self._sequence += 1

    async def _generate(self) -> NoReturn:
        """Speak the texts in order. The first byte takes its time only when nothing was being spoken."""
        was_idle = True
        while True:
            was_idle = was_idle or self._work.empty()
            text = await self._work.get()
            if text is None:
                self._confirm("Flushed")
                continue
            clears = self._clears
            if was_idle:
                delay = self._lab.settings.first_byte_s + self._faults.first_byte_delay_s
                await asyncio.sleep(self._lab.scaled(delay))
            if not self._faults.sends_no_sound:
                await self._speak(text, clears)
            was_idle = False

    async def _speak(self, text: str, clears: int) -> None:
        """Send one text's sound at the speed of generation, until it is over or cleared."""
        sound = self._options.sound(encode(text, Speaker.ASSISTANT, self._utterance))
        self._utterance += 1
        if self._faults.sends_noise:
            sound = random.Random(self._utterance).randbytes(len(sound))  # noqa: S311  (noise, not a secret)
        loop = asyncio.get_running_loop()
        rate = len(self._options.sound(b"\xff")) * RATE
        due, place = loop.time(), 0
        while place < len(sound) and clears == self._clears:
            length = 1 + place % 301 if self._faults.ragged else int(self._lab.settings.chunk_s * rate)
            chunk = sound[place : place + length]
            await self._send(chunk)
            place += len(chunk)
            due += self._lab.scaled(len(chunk) / rate / self._lab.settings.generation_speed)
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def _send(self, chunk: bytes) -> None:
        """Send sound. Raises Closed at the very byte a fault names."""
        limits = [
            limit for limit in (self._faults.cut_after_bytes, self._faults.close_after_bytes) if limit is not None
        ]
        left = min(limits, default=self._sent_bytes + len(chunk) + 1) - self._sent_bytes
        self._outgoing.put(chunk[:left])
        self._sent_bytes += len(chunk[:left])
        if left <= len(chunk):
            await self._outgoing.sent()
            raise Closed() if self._faults.cut_after_bytes is not None else Closed(*NET_0000)

    async def _watch_the_hour(self) -> NoReturn:
        await asyncio.sleep(self._lab.settings.session_limit_s)
        raise Closed(*NET_0003)
