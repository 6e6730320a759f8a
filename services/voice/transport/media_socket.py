"""The WebSocket under a media stream: the little we need of it, so that a faster library can take its place."""

from __future__ import annotations

from typing import Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect


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

    async def send(self, text: str) -> None:
        """Send one text frame, waiting while the other side reads too slowly. Raises SocketClosed."""
        ...

    async def close(self, code: int) -> None:
        """Close from our side; does nothing when the socket is closed already."""
        ...


class StarletteSocket:
    """An accepted WebSocket of the web framework."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._closed = False

    async def receive(self) -> str | bytes:
        if self._closed:
            raise SocketClosed(1006)
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            self._closed = True
            raise SocketClosed(message.get("code") or 1006)
        text: str | None = message.get("text")
        if text is not None:
            return text
        binary: bytes = message["bytes"]
        return binary

    async def send(self, text: str) -> None:
        if self._closed:
            raise SocketClosed(1006)
        try:
            await self._websocket.send({"type": "websocket.send", "text": text})
        except (WebSocketDisconnect, RuntimeError) as error:
            self._closed = True
            raise SocketClosed(1006) from error

    async def close(self, code: int) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            await self._websocket.send({"type": "websocket.close", "code": code})
        except (WebSocketDisconnect, RuntimeError):
            return  # it went away at the same moment
