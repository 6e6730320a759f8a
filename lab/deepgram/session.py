"""One accepted socket that hears: what the two protocols do alike, around the recogniser that differs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect

from lab.deepgram.faults import ListenFaults
from lab.deepgram.intake import Intake, Undecodable
from lab.deepgram.refusals import Refused
from lab.deepgram.sockets import DATA_0000, NET_0000, NET_0001, Closed, Left, Outgoing, deny, end, obstruct, until_left
from lab.deepgram.state import Deepgram
from lab.races import first_of

GARBAGE: tuple[str | bytes, ...] = ('{"type":"Results","chan', '{"type":"SomethingNew","x":1}', b"\x00\x01\x02")
WORDED = frozenset({"Results", "TurnInfo"})
"""Messages that carry words: what garbage is sent before."""

Message = dict[str, Any]


class Over(Exception):
    """The client asked for the end; these are the last messages."""

    def __init__(self, *messages: Message) -> None:
        super().__init__()
        self.messages = messages


class Recogniser(Protocol):
    """Hears one stream and says what its protocol says."""

    intake: Intake

    @property
    def characters(self) -> int:
        """Characters heard so far."""
        ...

    def opened(self) -> list[Message]:
        """What is sent before any audio."""
        ...

    def hear(self, audio: bytes, sound: bytes) -> list[Message]:
        """The messages that a piece of audio, and the μ-law in it, bring about."""
        ...

    def obey(self, text: str) -> tuple[list[Message], bool]:
        """The answer to a text message, and whether it counts as a sign of life. Raises Over."""
        ...

    def ended(self) -> list[Message]:
        """What is sent when the client ends its audio."""
        ...

    def error(self, description: str) -> Message:
        """An error message."""
        ...


Make = Callable[[WebSocket, Deepgram, ListenFaults, str], Recogniser]
"""Reads the request's options. Raises Refused. The last argument is the request's id."""


async def serve(socket: WebSocket, lab: Deepgram, kind: str, make: Make, idle_limit_s: float) -> None:
    """One socket, from handshake to close. `kind` is the first word of its counts."""
    request_id = lab.new_request_id()
    faults = lab.faults.for_listening()
    try:
        await obstruct(faults, socket)
        lab.authenticate(socket)
        recogniser = make(socket, lab, faults, request_id)
        with lab.place(kind, lab.settings.most_listening):
            await socket.accept(headers=[(b"dg-request-id", request_id.encode())])
            await _Session(socket, lab, kind, recogniser, faults, idle_limit_s).run()
    except Refused as refusal:
        lab.counts[f"{kind}_refused:{refusal.status}"] += 1
        await deny(socket, refusal, request_id)
    except Left:
        lab.counts[f"{kind}_gave_up"] += 1


class _Session:
    """An accepted socket."""

    def __init__(
        self,
        socket: WebSocket,
        lab: Deepgram,
        kind: str,
        recogniser: Recogniser,
        faults: ListenFaults,
        idle_limit_s: float,
    ) -> None:
        self._socket = socket
        self._lab = lab
        self._kind = kind
        self._recogniser = recogniser
        self._faults = faults
        self._idle_limit_s = idle_limit_s
        self._outgoing = Outgoing(socket)
        self._audio_came = False
        self._stalled = False
        self._data_at = asyncio.get_running_loop().time()

    async def run(self) -> None:
        try:
            await first_of(self._receive(), self._outgoing.send(), self._watch_for_silence())
        except Closed as closed:
            self._lab.counts[f"{self._kind}_closed:{closed.reason.partition(':')[0] or closed.code or 'cut'}"] += 1
            await end(self._socket, closed)
        except (Left, WebSocketDisconnect):
            self._lab.counts[f"{self._kind}_left"] += 1

    async def _receive(self) -> NoReturn:
        if self._faults.hears_nothing:
            await until_left(self._socket)
        self._say(self._recogniser.opened(), 0.0)
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise Left
            audio = message.get("bytes")
            if audio is None:
                await self._obey(message["text"])
            elif audio:
                self._hear(audio)
            else:
                await self._finish(self._recogniser.ended())  # an empty binary frame ends the stream

    def _hear(self, audio: bytes) -> None:
        """Transcribe a piece of audio. Raises Closed when it cannot be decoded or a fault says so."""
        self._data_at = asyncio.get_running_loop().time()
        if not self._audio_came:
            self._audio_came = True
            if self._faults.error is not None:
                self._outgoing.put(self._recogniser.error(self._faults.error))
        try:
            sound = self._recogniser.intake.take(audio)
        except Undecodable as problem:
            raise Closed(DATA_0000[0], f"{DATA_0000[1]}: {problem}") from problem
        self._say(self._recogniser.hear(audio, sound), self._delay_s)
        self._go_wrong(self._recogniser.characters)

    @property
    def _delay_s(self) -> float:
        return self._lab.scaled(self._lab.settings.result_delay_s + self._faults.delay_s)

    def _go_wrong(self, characters: int) -> None:
        """What faults do once so many characters were heard. Raises Closed."""
        faults = self._faults
        if faults.cut_after_characters is not None and characters >= faults.cut_after_characters:
            raise Closed
        if faults.close_after_characters is not None and characters >= faults.close_after_characters:
            raise Closed(*NET_0000)
        if faults.stalls_after_characters is not None and characters >= faults.stalls_after_characters:
            self._stalled = True

    def _say(self, messages: list[Message], delay_s: float) -> None:
        if self._stalled:
            return
        for message in messages:
            if self._faults.sends_garbage and message["type"] in WORDED:
                for piece in GARBAGE:
                    self._outgoing.put(piece, delay_s)
            self._outgoing.put(message, delay_s)

    async def _obey(self, text: str) -> None:
        """Do what a text message asks. Raises Closed when it ends the stream."""
        try:
            answer, is_alive = self._recogniser.obey(text)
        except Over as over:
            await self._finish(list(over.messages))
        # Only a stream that has had audio is kept: a sign of life alone does not save one.
        if is_alive and self._audio_came:
            self._data_at = asyncio.get_running_loop().time()
        self._say(answer, 0.0 if len(answer) == 1 and answer[0]["type"] not in WORDED else self._delay_s)

    async def _finish(self, messages: list[Message]) -> NoReturn:
        """The last messages, and the close frame."""
        self._say(messages, self._delay_s)
        await self._outgoing.sent()
        raise Closed(1000)

    async def _watch_for_silence(self) -> NoReturn:
        while True:
            left = self._data_at + self._idle_limit_s - asyncio.get_running_loop().time()
            if left <= 0:
                raise Closed(*NET_0001)
            await asyncio.sleep(left)
