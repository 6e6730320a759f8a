"""The WebSocket under a call's stream: the little we need of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from websockets.exceptions import ConnectionClosed

from services.voice.frame_socket import FrameSocket


class SocketClosed(Exception):
    """The other side is gone; `code` is its close code, 1006 when there was none."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class MediaSocket(Protocol):
    """Text frames in and out."""

    async def receive(self) -> str | bytes:
        """The next frame; bytes when it was a binary one. Raises SocketClosed."""
        ...

    async def deliver(self, take: Callable[[bytes, bool], bool]) -> None:
        """Hand each frame, and whether it is text, to `take` the moment it comes, until it returns true.

        Raises SocketClosed, and whatever `take` raises.
        """
        ...

    async def send(self, text: str) -> None:
        """Send one text frame, waiting while the other side reads too slowly. Raises SocketClosed."""
        ...

    async def close(self, code: int) -> None:
        """Close from our side; does nothing when the socket is closed already."""
        ...


class AcceptedSocket:
    """A WebSocket that was accepted by `fast_server`."""

    def __init__(self, socket: FrameSocket) -> None:
        self._socket = socket

    async def receive(self) -> str | bytes:
        try:
            return await self._socket.recv()
        except ConnectionClosed:
            raise SocketClosed(self._socket.closed_with) from None
        except UnicodeDecodeError:
            return b""  # text that is none is as unreadable as a binary frame

    async def deliver(self, take: Callable[[bytes, bool], bool]) -> None:
        try:
            await self._socket.deliver(take)
        except ConnectionClosed:
            raise SocketClosed(self._socket.closed_with) from None

    async def send(self, text: str) -> None:
        if self._socket.write(text):
            return
        try:
            await self._socket.send(text)
        except ConnectionClosed:
            raise SocketClosed(self._socket.closed_with) from None

    async def close(self, code: int) -> None:
        await self._socket.close(code)
