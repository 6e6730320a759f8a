"""`WS /v1/listen`: audio in, transcripts out."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from typing import Any, NoReturn

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from lab.deepgram import listen_options
from lab.deepgram.faults import ListenFaults
from lab.deepgram.intake import Intake, Undecodable
from lab.deepgram.listen_options import ListenOptions
from lab.deepgram.refusals import Refused
from lab.deepgram.sockets import DATA_0000, NET_0000, NET_0001, Closed, Left, Outgoing, deny, end, obstruct, until_left
from lab.deepgram.state import Deepgram
from lab.deepgram.transcriber import Transcriber
from lab.races import first_of

GARBAGE: tuple[str | bytes, ...] = ('{"type":"Results","chan', '{"type":"SomethingNew","x":1}', b"\x00\x01\x02")


class Control(msgspec.Struct):
    """A text message of a client."""

    type: str
    keyterms: list[str] | None = None
    features: dict[str, bool] | None = None
    channel: int | None = None


async def listen(socket: WebSocket, lab: Deepgram) -> None:
    """One socket, from handshake to close."""
    request_id = lab.new_request_id()
    faults = lab.faults.for_listening()
    try:
        await obstruct(faults, socket)
        lab.authenticate(socket)
        options = listen_options.read(socket.query_params)
        with lab.place("listen", lab.settings.most_listening):
            for name in listen_options.unknown(socket.query_params):
                lab.counts[f"listen_unknown_parameter:{name}"] += 1
            await socket.accept(headers=[(b"dg-request-id", request_id.encode())])
            await _Session(socket, lab, options, faults, request_id).run()
    except Refused as refusal:
        lab.counts[f"listen_refused:{refusal.status}"] += 1
        await deny(socket, refusal, request_id)
    except Left:
        lab.counts["listen_gave_up"] += 1


class _Session:
    """An accepted socket."""

    def __init__(
        self, socket: WebSocket, lab: Deepgram, options: ListenOptions, faults: ListenFaults, request_id: str
    ) -> None:
        self._socket = socket
        self._lab = lab
        self._options = options
        self._faults = faults
        self._request_id = request_id
        self._transcriber = Transcriber(options, lab.settings, faults, request_id)
        self._intake = Intake(options.encoding, options.sample_rate)
        self._outgoing = Outgoing(socket)
        self._digest = hashlib.sha256()
        self._audio_came = False
        self._data_at = asyncio.get_running_loop().time()

    async def run(self) -> None:
        try:
            await first_of(self._receive(), self._outgoing.send(), self._watch_for_silence())
        except Closed as closed:
            self._lab.counts[f"listen_closed:{closed.reason.partition(':')[0] or closed.code or 'cut'}"] += 1
            await end(self._socket, closed)
        except (Left, WebSocketDisconnect):
            self._lab.counts["listen_left"] += 1

    async def _receive(self) -> NoReturn:
        if self._faults.hears_nothing:
            await until_left(self._socket)
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
                await self._finish()  # an empty binary frame ends the stream

    def _hear(self, audio: bytes) -> None:
        """Transcribe a piece of audio. Raises Closed when it cannot be decoded or a fault says so."""
        self._data_at = asyncio.get_running_loop().time()
        if not self._audio_came:
            self._audio_came = True
            if self._faults.error is not None:
                self._outgoing.put({"type": "Error", "variant": "LabFault", "description": self._faults.error})
        self._digest.update(audio)
        try:
            sound = self._intake.take(audio)
        except Undecodable as problem:
            raise Closed(DATA_0000[0], f"{DATA_0000[1]}: {problem}") from problem
        self._say(self._transcriber.feed(sound))
        characters = self._transcriber.characters
        if self._faults.cut_after_characters is not None and characters >= self._faults.cut_after_characters:
            raise Closed
        if self._faults.close_after_characters is not None and characters >= self._faults.close_after_characters:
            raise Closed(*NET_0000)

    def _say(self, messages: list[dict[str, Any]]) -> None:
        delay = self._lab.scaled(self._lab.settings.result_delay_s + self._faults.delay_s)
        for message in messages:
            if self._faults.sends_garbage and message["type"] == "Results":
                for piece in GARBAGE:
                    self._outgoing.put(piece, delay)
            self._outgoing.put(message, delay)

    async def _obey(self, text: str) -> None:
        """Do what a text message asks. Raises Closed after a CloseStream."""
        try:
            control = msgspec.json.decode(text, type=Control)
        except (msgspec.DecodeError, msgspec.ValidationError):
            control = Control("")
        match control.type:
            case "KeepAlive":
                self._keep_alive()
            case "Finalize":
                self._keep_alive()
                self._say(self._transcriber.finalize())
            case "Configure":
                self._keep_alive()
                self._outgoing.put(self._configured(control))
            case "CloseStream":
                await self._finish()
            case _:
                self._lab.counts["listen_bad_message"] += 1
                problem = {"variant": "SchemaError", "description": "could not parse client message", "message": text}
                self._outgoing.put({"type": "Error", **problem})

    def _keep_alive(self) -> None:
        """Only a stream that has had audio is kept: KeepAlive alone does not save one."""
        if self._audio_came:
            self._data_at = asyncio.get_running_loop().time()

    def _configured(self, control: Control) -> dict[str, Any]:
        keyterms = control.keyterms
        failure = {"type": "ConfigureFailure", "request_id": self._request_id}
        if keyterms and not self._options.model.startswith("nova-3"):
            return failure | {"code": "CONFIGURE_KEYTERMS_NOT_SUPPORTED", "description": "keyterms need a nova-3 model"}
        if keyterms and listen_options.tokens(tuple(keyterms)) > listen_options.MOST_KEYTERM_TOKENS:
            return failure | {"code": "CONFIGURE_KEYTERM_LIMIT_EXCEEDED", "description": "at most 500 tokens"}
        success: dict[str, Any] = {"type": "ConfigureSuccess", "request_id": self._request_id}
        return success if keyterms is None else success | {"keyterms": keyterms}

    async def _finish(self) -> NoReturn:
        """The last results, the metadata, and the close frame."""
        self._say(self._transcriber.close())
        delay = self._lab.scaled(self._lab.settings.result_delay_s)
        self._outgoing.put(
            {
                "type": "Metadata",
                "transaction_key": "deprecated",
                "request_id": self._request_id,
                "sha256": self._digest.hexdigest(),
                "created": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "duration": round(self._transcriber.now, 4),
                "channels": 1,
            },
            delay,
        )
        await self._outgoing.sent()
        raise Closed(1000)

    async def _watch_for_silence(self) -> NoReturn:
        limit = self._lab.settings.idle_limit_s
        while True:
            left = self._data_at + limit - asyncio.get_running_loop().time()
            if left <= 0:
                raise Closed(*NET_0001)
            await asyncio.sleep(left)
