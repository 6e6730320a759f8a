"""One open WebSocket, Twilio's or a provider's, on the fast library: messages in by callback, messages out at once.

A message costs no task, no queue and no future on its way in or out. Memory is bounded on both sides: what is not taken
stops the reading, what is not read by the other side stops the writing (`write` says so, `send` waits).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import Final

from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Close

MOST_WAITING: Final = 16
"""Messages that may wait to be taken before the reading stops."""
MOST_UNSENT: Final = 64 * 1024
"""Bytes that may wait for a slow reader: eight seconds of telephone audio. Then the writing stops."""
CLOSE_WITHIN_S: Final = 1.0
"""How long the other side's answer to a close is waited for."""
NOT_SAID, BROKEN = 1005, 1006
"""Close codes for a close without a code, and for none at all."""
_CLEAN: Final = frozenset({1000, 1001, NOT_SAID})
_TEXT, _BINARY, _CONTINUATION, _CLOSE = WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION, WSMsgType.CLOSE
_WHOLE: Final = (_TEXT, _BINARY)
_NO_INFO: Final = WSCloseCode.NO_INFO

Take = Callable[[bytes, bool], bool]
"""Takes one message, and whether it was text; true when it was the last one wanted."""


class FrameSocket(WSListener):
    """Made by the side that opens or accepts the connection; usable from `on_ws_connected` on."""

    def __init__(self, largest: int, on_closed: Callable[[], None] | None = None) -> None:
        """`largest` bounds a message that comes in pieces; single frames are bounded by the library."""
        self._largest = largest
        self._on_closed = on_closed
        self._transport: WSTransport | None = None
        self._pieces: list[bytes] = []
        self._pieces_are_text = False
        self._waiting: deque[tuple[bytes, bool]] = deque()
        self._is_reading = True
        self._is_ending = False
        """Set once we said goodbye: nobody takes what still comes."""
        self._news: asyncio.Future[bool | None] | None = None
        self._deliver: Callable[[bytes, bool], None] | None = None
        self._writable: asyncio.Event | None = None
        """Made when the writing stops for the first time; set while it may go on."""
        self._gone = asyncio.Event()
        self._problem: ConnectionClosed | None = None

    # What the library calls.

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        transport.underlying_transport.set_write_buffer_limits(high=MOST_UNSENT)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if frame.fin and kind in _WHOLE:
            (self._deliver or self._keep)(frame.get_payload_as_bytes(), kind == _TEXT)
        elif kind == _CLOSE:
            code = frame.get_close_code()
            transport.send_close(WSCloseCode.OK if code == _NO_INFO else code)
            transport.disconnect()
        elif kind in (_TEXT, _BINARY, _CONTINUATION):
            self._take_piece(frame, kind)

    def _take_piece(self, frame: WSFrame, kind: WSMsgType) -> None:
        if kind != _CONTINUATION:
            self._pieces, self._pieces_are_text = [], kind == _TEXT
        self._pieces.append(frame.get_payload_as_bytes())
        if sum(map(len, self._pieces)) > self._largest:
            self._pieces = []
            self._end(WSCloseCode.MESSAGE_TOO_BIG)
        elif frame.fin:
            whole, self._pieces = b"".join(self._pieces), []
            (self._deliver or self._keep)(whole, self._pieces_are_text)

    def _keep(self, message: bytes, is_text: bool) -> None:
        """A message that nobody takes the moment it comes."""
        if self._is_ending:
            return
        self._waiting.append((message, is_text))
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
        elif len(self._waiting) >= MOST_WAITING and self._is_reading and self._transport is not None:
            self._is_reading = False
            self._transport.underlying_transport.pause_reading()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._problem = _what_happened(transport)
        self._gone.set()
        if self._writable is not None:
            self._writable.set()
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
        if self._on_closed is not None:
            self._on_closed()

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = asyncio.Event()
        self._writable.clear()

    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable.set()

    # What its user calls.

    async def deliver(self, take: Take) -> None:
        """Hand each message to `take` the moment it comes, until it returns true.

        Raises ConnectionClosed, and whatever `take` raises.
        """
        over: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
        context = copy_context()

        def one(message: bytes, is_text: bool) -> None:
            try:
                was_last = context.run(take, message, is_text)
            except Exception as error:  # noqa: BLE001  (it belongs to whoever waits below)
                self._deliver = None
                over.set_exception(error)
            else:
                if was_last:
                    self._deliver = None
                    over.set_result(True)

        self._deliver = one
        while self._waiting and not over.done():
            one(*self._waiting.popleft())
        if not over.done():
            if self._problem is not None:
                raise self._problem
            self._go_on_reading()
            self._news = over
        try:
            was_taken = await over
        finally:
            self._deliver = self._news = None
        if not was_taken and self._problem is not None:
            raise self._problem

    async def recv(self, decode: bool | None = None) -> str | bytes:
        """The next message: text as a string, unless `decode` is false. Raises ConnectionClosed."""
        while not self._waiting:
            if self._problem is not None:
                raise self._problem
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        message, is_text = self._waiting.popleft()
        if not self._waiting:
            self._go_on_reading()
        return message.decode() if is_text and decode is not False else message

    def _go_on_reading(self) -> None:
        if not self._is_reading and self._transport is not None and self._problem is None:
            self._is_reading = True
            self._transport.underlying_transport.resume_reading()

    def write(self, message: bytes | str, *, text: bool = False) -> bool:
        """Send a message now; false, and nothing is sent, while the other side reads too slowly or is gone."""
        transport = self._transport
        if transport is None or transport.is_disconnected or transport.is_close_frame_sent:
            return False
        if self._writable is not None and not self._writable.is_set():
            return False
        transport.send(_TEXT if text or isinstance(message, str) else _BINARY, message)
        return True

    async def send(self, message: bytes | str, *, text: bool = False) -> None:
        """Send a message, waiting while the other side reads too slowly. Raises ConnectionClosed."""
        while not self.write(message, text=text):
            if self._problem is not None:
                raise self._problem
            if self._writable is None or self._writable.is_set():
                raise _closed(None)
            await self._writable.wait()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye, wait a moment for the answer, and end the connection."""
        if self._transport is None or self._problem is not None:
            return
        self._end(code, reason)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self._gone.wait()
        self._transport.disconnect(graceful=False)

    def go_away(self, code: int) -> None:
        """Say goodbye and end the connection without waiting for an answer."""
        if self._transport is not None and self._problem is None:
            self._end(code)
            self._transport.disconnect()

    def _end(self, code: int | WSCloseCode, reason: str = "") -> None:
        """Send a close frame, and read on until it is answered."""
        self._is_ending = True
        self._waiting.clear()
        self._go_on_reading()
        if self._transport is not None:
            self._transport.send_close(code, reason.encode())  # type: ignore[arg-type]

    @property
    def is_open(self) -> bool:
        """Whether the other side is still there, as far as we know."""
        return self._transport is not None and self._problem is None and not self._is_ending

    @property
    def transport(self) -> asyncio.Transport:
        """The connection below: `abort` ends it without a word."""
        if self._transport is None:
            raise RuntimeError("the socket is not open")
        return self._transport.underlying_transport

    @property
    def closed_with(self) -> int:
        """The other side's close code; 1006 when there was none."""
        received = self._problem.rcvd if self._problem is not None else None
        return received.code if received is not None else BROKEN


def _closed(
    received: Close | None, sent: Close | None = None, *, received_first: bool | None = None
) -> ConnectionClosed:
    clean = received is not None and received.code in _CLEAN
    return (ConnectionClosedOK if clean else ConnectionClosedError)(received, sent, received_first)


def _what_happened(transport: WSTransport) -> ConnectionClosed:
    handshake = transport.close_handshake
    if handshake is None:
        return _closed(None)
    received, sent = (
        None if one is None else Close(NOT_SAID if one.code == _NO_INFO else int(one.code.value), one.reason)
        for one in (handshake.recv, handshake.sent)
    )
    both = received is not None and sent is not None
    return _closed(received, sent, received_first=handshake.recv_then_sent if both else None)
