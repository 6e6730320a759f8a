"""What both sockets have in common: the handshake, the receiving, the clock of inactivity, the sound's way out."""

from __future__ import annotations

import asyncio
import base64
from abc import ABC, abstractmethod
from typing import Any, NoReturn

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from lab.elevenlabs import messages, options
from lab.elevenlabs.context import Context, spoken
from lab.elevenlabs.faults import Faults
from lab.elevenlabs.messages import Generation, Message
from lab.elevenlabs.options import Options
from lab.elevenlabs.refusals import Refused, close_with_error, obstruct
from lab.elevenlabs.state import ElevenLabs
from lab.races import first_of
from lab.wire.sockets import Closed, Left, Outgoing, end, until_left


class Session(ABC):
    """An accepted socket."""

    def __init__(self, socket: WebSocket, lab: ElevenLabs, asked: Options, faults: Faults) -> None:
        self.lab = lab
        self.options = asked
        self.faults = faults
        self.outgoing = Outgoing(socket)
        self._socket = socket
        self._sent_bytes = 0
        self._is_known = lab.is_our_key(socket.headers.get("xi-api-key", ""))
        self._speaking: set[asyncio.Task[None]] = set()
        self._broken: asyncio.Future[NoReturn] = asyncio.get_running_loop().create_future()

    @abstractmethod
    async def obey(self, message: Message) -> None:
        """Do what a message says. Raises Closed."""

    @abstractmethod
    def is_text(self, message: Message) -> bool:
        """Whether it resets the clock of inactivity."""

    async def run(self) -> None:
        """Until somebody closes."""
        try:
            await first_of(self._receive(), self.outgoing.send(), self._wait_until_broken())
        except Closed as closed:
            self.lab.counts[f"closed:{closed.code}"] += 1
            await end(self._socket, closed)
        except (Left, WebSocketDisconnect):
            self.lab.counts["left"] += 1
        finally:
            for task in self._speaking:
                task.cancel()
            await asyncio.gather(*self._speaking, return_exceptions=True)

    async def _wait_until_broken(self) -> NoReturn:
        await self._broken

    async def _receive(self) -> NoReturn:
        if self.faults.says_nothing:
            await until_left(self._socket)
        loop = asyncio.get_running_loop()
        heard_at = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(heard_at + self.options.inactivity_s):
                    frame = await self._socket.receive()
            except TimeoutError:
                seconds = self.options.inactivity_s
                reason = f"Have not received a new text input within the timeout of {seconds} seconds."
                raise Closed(1008, f"{reason} Streaming input terminated.") from None
            if frame["type"] == "websocket.disconnect":
                raise Left
            message = await self._read(frame.get("text"))
            if self.is_text(message):
                heard_at = loop.time()
            await self.obey(message)

    async def _read(self, text: str | None) -> Message:
        if text is None:
            raise await self.error("invalid_message", "Only text frames are understood.")
        try:
            message = messages.read(text)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            self.lab.counts["bad_message"] += 1
            raise await self.error("invalid_message", str(error)) from error
        if not self._is_known:
            self._is_known = message.key is not None and self.lab.is_our_key(message.key)
            if not self._is_known:
                raise await self.error("invalid_api_key", "Invalid API key")
        if self.faults.error is not None and message.text:
            raise await self.error(self.faults.error, "a fault of the lab")
        return message

    async def error(self, error: str, message: str) -> Closed:
        """Send the error; what to raise then."""
        self.lab.counts[f"error:{error}"] += 1
        return await close_with_error(self.outgoing, error, message)

    def new_context(self, first: Message) -> Context:
        """A context with the settings of its first message."""
        return Context(self.options, (first.generation_config or Generation()).chunk_length_schedule)

    def start(self, context: Context, name: str | None) -> None:
        """Speak a context's texts beside the others."""
        task = asyncio.create_task(self._speak(context, name))
        self._speaking.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._speaking.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self._broken.done():
            self._broken.set_exception(error)

    async def _speak(self, context: Context, name: str | None) -> None:
        label = {} if name is None else {"contextId": name}
        while (text := await context.work.get()) is not None:
            async for message in spoken(text, self.lab, self.options, self.faults):
                await self._send(message | label)
        if not self.faults.never_final:
            self.final(context, {"isFinal": True, **label})

    @abstractmethod
    def final(self, context: Context, message: dict[str, Any]) -> None:
        """All sound of a context is on its way."""

    async def spoken(self) -> None:
        """Wait until every context that is closed has said its last."""
        if self._speaking:
            await asyncio.wait(self._speaking)

    async def _send(self, message: dict[str, Any]) -> None:
        """Send sound. Raises Closed at the very byte a fault names."""
        if self.faults.sends_garbage:
            self.outgoing.put("{garbage")
            self.outgoing.put({"audio": message["audio"], "contextId": "nobody's"})
        size = len(base64.b64decode(message["audio"]))
        left = size if self.faults.cut_after_bytes is None else self.faults.cut_after_bytes - self._sent_bytes
        self._sent_bytes += size
        if left < size:
            audio = base64.b64decode(message["audio"])[:left]
            self.outgoing.put(message | {"audio": base64.b64encode(audio).decode()})
            await self.outgoing.sent()
            raise Closed
        self.outgoing.put(message)


async def serve(socket: WebSocket, lab: ElevenLabs, kind: type[Session]) -> None:
    """One socket, from handshake to close."""
    faults = lab.faults.take()
    try:
        await obstruct(faults, socket)
        if "xi-api-key" in socket.headers:
            lab.authenticate(socket)
        lab.check_voice(socket.path_params["voice_id"])
        asked = options.read(socket.query_params, options.SOCKET_MODELS)
    except Refused as refusal:
        lab.counts[f"refused:{refusal.status}"] += 1
        await socket.send_denial_response(refusal.response())
        return
    except Left:
        lab.counts["gave_up"] += 1
        return
    await socket.accept()
    lab.counts["opened"] += 1
    await kind(socket, lab, asked, faults).run()
