"""What the sockets of every stand-in do alike: send late, close as the vendor closes, wait for a client to give up."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, NoReturn

import msgspec
from starlette.requests import Request
from starlette.websockets import WebSocket, WebSocketDisconnect


class Closed(Exception):
    """The stand-in ends this socket: with a close frame, or by cutting the connection when there is no code."""

    def __init__(self, code: int | None = None, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Left(Exception):
    """The client has closed or lost its connection."""


async def until_left(connection: WebSocket | Request) -> NoReturn:
    """Take whatever comes and answer nothing, until the client gives up. Raises Left."""
    while True:
        message = await connection.receive()
        if message["type"].endswith(".disconnect"):
            raise Left


async def end(socket: WebSocket, closed: Closed) -> None:
    """Close as asked. Without a code nothing is sent: the server drops the connection when the endpoint returns."""
    if closed.code is not None:
        try:
            await socket.close(closed.code, closed.reason)
        except (RuntimeError, WebSocketDisconnect):
            return  # the client was faster


class Outgoing:
    """Messages in order, each no earlier than its time."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._waiting: deque[tuple[float, str | bytes]] = deque()
        self._changed = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def put(self, message: dict[str, Any] | str | bytes, delay_s: float = 0.0) -> None:
        """Send this after the delay, and after everything put before it."""
        ready = msgspec.json.encode(message).decode() if isinstance(message, dict) else message
        self._waiting.append((asyncio.get_running_loop().time() + delay_s, ready))
        self._empty.clear()
        self._changed.set()

    async def send(self) -> NoReturn:
        """Send what is put, for ever."""
        while True:
            if not self._waiting:
                self._empty.set()
                self._changed.clear()
                await self._changed.wait()
            due, message = self._waiting[0]
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            if isinstance(message, bytes):
                await self._socket.send_bytes(message)
            else:
                await self._socket.send_text(message)
            self._waiting.popleft()

    async def sent(self) -> None:
        """Wait until everything put so far is on its way."""
        await self._empty.wait()
