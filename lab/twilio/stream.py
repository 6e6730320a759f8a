"""One `<Connect><Stream>`: the socket to the platform, with Twilio's order, numbering, playout and rules."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from socket import SO_SNDBUF, SOL_SOCKET
from typing import NoReturn

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from lab.races import first_of
from lab.speech.mulaw import RATE, SILENCE
from lab.twilio import platform_socket, stream_messages
from lab.twilio.faults import MediaFaults
from lab.twilio.line import Line
from lab.twilio.log import CallLog
from lab.twilio.pace import Pace
from lab.twilio.platform_socket import CLOSE_S, StreamFailed
from lab.twilio.playout import Playout
from lab.twilio.records import StreamRecord
from lab.twilio.settings import PhoneSettings
from lab.twilio.stream_messages import BadMessage, Clear, Mark, Media

MOST_UNSENT = 500
"""Audio messages the platform may leave unread, ten seconds, before the stream is given up (31930)."""
KERNEL_BUFFER = 64 * 1024
"""Bytes the kernel may hold for the platform, about four seconds of sound."""
FRAME_MS = 20


class MediaStream:
    """Carries one call's sound to the platform and back."""

    def __init__(
        self,
        log: CallLog,
        record: StreamRecord,
        url: str,
        parameters: Mapping[str, str],
        line: Line,
        pace: Pace,
        settings: PhoneSettings,
        faults: MediaFaults,
    ) -> None:
        self._log = log
        self._record = record
        self._url = url
        self._parameters = parameters if faults.parameters is None else faults.parameters
        self._line = line
        self._pace = pace
        self._settings = settings
        self._faults = faults
        self._playout = Playout()
        self._sequence = 0
        self._chunk = 0
        self._began_at = 0.0
        self._unsent: deque[str] = deque()
        self._more = asyncio.Event()
        self._too_slow = asyncio.Event()
        self._held: list[str] = []
        self._reported: set[int] = set()

    # --- the socket's life

    async def open(self) -> ClientConnection:
        """Connect, signed. Raises StreamFailed."""
        if "?" in self._url:
            self._log.problem(31920, "a stream's address takes no query string; it was dropped")
        return await platform_socket.open_signed(
            self._url.partition("?")[0],
            self._settings,
            unreachable=self._faults.unreachable,
            wrong_signature=self._faults.wrong_signature,
        )

    async def run(self, socket: ClientConnection) -> int | None:
        """Talk until the platform closes the socket. Returns its close code.

        Raises StreamFailed when the socket broke. Cancelled when the call is over: says `stop` and closes.
        """
        # A large buffer of the kernel would hide for minutes that the platform has stopped reading.
        socket.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_SNDBUF, KERNEL_BUFFER)
        self._began_at = self._pace.now()
        self._begin()
        cut = self._cut_later(socket)
        try:
            await first_of(self._receive(socket), self._send(socket), self._give_up())
        except ConnectionClosed as closed:
            return self._closed(closed)
        except asyncio.CancelledError:
            await self._leave(socket)
            raise
        finally:
            if cut is not None:
                cut.cancel()
            self._line.disconnect()
            self._record.frames_sent = self._chunk
            await platform_socket.close(socket)

    def _cut_later(self, socket: ClientConnection) -> asyncio.TimerHandle | None:
        """Break the connection off at the moment a fault names."""
        if self._faults.cut_after_s is None:
            return None
        delay = self._faults.cut_after_s / self._settings.speed
        return asyncio.get_running_loop().call_later(delay, socket.transport.abort)

    def _closed(self, closed: ConnectionClosed) -> int | None:
        if closed.rcvd is None:
            raise StreamFailed(31903, "broken pipe: the server went away") from closed
        if closed.rcvd.code not in (1000, 1001, 1005):
            raise StreamFailed(31921, f"the server closed with {closed.rcvd.code} {closed.rcvd.reason}") from closed
        return closed.rcvd.code

    async def _leave(self, socket: ClientConnection) -> None:
        """The last messages of a call that is over."""
        try:
            async with asyncio.timeout(CLOSE_S):
                while self._unsent:
                    await socket.send(self._unsent.popleft())
                if not self._faults.no_stop:
                    await socket.send(
                        stream_messages.stop(self._next(), self._record.stream_sid, self._account_sid, self._call_sid)
                    )
        except (TimeoutError, ConnectionClosed):
            return

    # --- to the platform

    @property
    def _call_sid(self) -> str:
        return self._faults.claims_call or self._log.record.sid

    @property
    def _account_sid(self) -> str:
        return self._faults.claims_account or self._log.record.account_sid

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _begin(self) -> None:
        faults, sid = self._faults, self._record.stream_sid
        self._put(stream_messages.CONNECTED)
        if faults.never_starts:
            return
        if faults.audio_before_start:
            self._put(stream_messages.media(self._next(), sid, 1, 0, SILENCE))
        for _ in range(2 if faults.starts_twice else 1):
            self._put(stream_messages.start(self._next(), sid, self._account_sid, self._call_sid, self._parameters))
        for message in faults.raw_messages:
            self._put(message)
        if faults.oversized_message:
            self._put("x" * faults.oversized_message)
        self._line.connect(self._playout, self._mark_played, self)

    def _put(self, message: str) -> None:
        self._unsent.append(message)
        self._more.set()
        if len(self._unsent) > MOST_UNSENT:
            self._too_slow.set()

    async def _give_up(self) -> NoReturn:
        await self._too_slow.wait()
        raise StreamFailed(31930, "the server reads too slowly")

    def hear(self, sound: bytes) -> None:
        """Send 20 ms of the caller."""
        faults = self._faults
        elapsed = self._pace.now() - self._began_at
        if faults.stalls_after_s is not None and elapsed >= faults.stalls_after_s:
            return
        sid = "MZ" + "0" * 32 if faults.wrong_stream_sid else self._record.stream_sid
        self._chunk += 1
        message = stream_messages.media(self._next(), sid, self._chunk, (self._chunk - 1) * FRAME_MS, sound)
        bunch = max(faults.bunch, 2 if faults.out_of_order else 1)
        if bunch == 1:
            self._put(message)
            return
        self._held.append(message)
        if len(self._held) >= bunch:
            held, self._held = self._held, []
            for one in reversed(held) if faults.out_of_order else held:
                self._put(one)

    def key(self, key: str) -> None:
        """Send a pressed key."""
        self._put(stream_messages.dtmf(self._next(), self._record.stream_sid, key))

    async def _send(self, socket: ClientConnection) -> NoReturn:
        if self._faults.binary_message:
            await socket.send(b"\x00\x01\x02")
        while True:
            if not self._unsent:
                self._more.clear()
                await self._more.wait()
            await socket.send(self._unsent.popleft())

    # --- from the platform

    async def _receive(self, socket: ClientConnection) -> NoReturn:
        while True:
            message = await socket.recv()
            self._record.messages_received += 1
            if isinstance(message, bytes):
                self._refuse(31950, "binary message", "binary")
                continue
            try:
                self._obey(stream_messages.read(message))
            except BadMessage as problem:
                self._refuse(31951, f"invalid message: {problem}", "invalid")

    def _obey(self, message: Media | Mark | Clear) -> None:
        """Carry out a message. Raises BadMessage when it names another stream."""
        if message.stream_sid != self._record.stream_sid:
            raise BadMessage("streamSid is not this stream's")
        match message:
            case Media():
                sound = message.media.payload
                self._record.audio_received_s += len(sound) / RATE
                if discarded := self._playout.add(sound):
                    self._record.discarded_s += discarded / RATE
                    self._refuse(31931, "more than ten minutes are queued; the rest is discarded", "overflow")
            case Mark():
                if self._playout.mark(message.mark.name):
                    self._echo(message.mark.name, was_played=True)
            case Clear():
                dropped, names = self._playout.clear()
                self._log.cleared(dropped / RATE, len(names))
                for name in names:
                    self._echo(name, was_played=False)

    def _refuse(self, code: int, message: str, reason: str) -> None:
        """Count a broken rule; it is reported once per stream."""
        self._record.refused[reason] = self._record.refused.get(reason, 0) + 1
        if code not in self._reported:
            self._reported.add(code)
            self._log.problem(code, message)

    def _mark_played(self, name: str) -> None:
        self._echo(name, was_played=True)

    def _echo(self, name: str, *, was_played: bool) -> None:
        self._put(stream_messages.mark(self._next(), self._record.stream_sid, name))
        self._log.mark_echoed(name, was_played=was_played)
