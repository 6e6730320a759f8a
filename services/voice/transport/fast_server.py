"""WebSockets of this room on the fast library, behind uvicorn and the web framework.

Uvicorn and the framework see the handshake exactly as before: routes, guards, refusals. Once the application accepts,
the connection belongs to picows, and its frames reach the call by callback. See docs/decisions/0009.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from picows import WSAutoPingStrategy, WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener
from picows.picows import WSProtocol  # type: ignore[attr-defined]
from starlette.websockets import WebSocket
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request

from services.voice.frame_socket import FrameSocket
from services.voice.transport.media_socket import AcceptedSocket

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent

EXTENSION: Final = "callwright.frames"
"""The key of the ASGI scope's extensions under which a route finds the socket."""
READ_BUFFER: Final = 4096
"""Bytes; grows for a larger frame up to the configured limit. A frame of Twilio's has about 350."""
RESTARTING: Final = 1012
_log = logging.getLogger("picows.server")


class FastWebSocket(WebSocketsSansIOProtocol):
    """Uvicorn's protocol up to the accepted handshake."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.socket: FrameSocket | None = None
        self._so_far = bytearray()

    def data_received(self, data: bytes) -> None:
        """The request, and what an impatient client sends behind it before it was accepted."""
        self._so_far += data
        if len(self._so_far) > (self.config.ws_max_size or 0):
            self.transport.abort()
        elif not self.handshake_initiated:
            super().data_received(data)

    def handle_connect(self, event: Request) -> None:
        """Ask the application, and let its route find us."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment]

    async def send(self, message: ASGISendEvent) -> None:
        """What the application sends."""
        if self.socket is None:
            if message["type"] == "websocket.accept" and not self.disconnected and not self.transport.is_closing():
                self._accept(list(message.get("headers", [])), message.get("subprotocol"))
            else:
                await super().send(message)
            return
        try:
            if message["type"] == "websocket.send":
                data = message.get("bytes")
                await self.socket.send(data if data is not None else message.get("text") or "")
            elif message["type"] == "websocket.close":
                await self.socket.close(message.get("code", 1000), message.get("reason") or "")
        except ConnectionClosed:
            raise ClientDisconnected from None

    async def receive(self) -> ASGIReceiveEvent:
        """What the application asks for."""
        if self.socket is None or not self.queue.empty():
            return await super().receive()
        try:
            data = await self.socket.recv()
        except ConnectionClosed:
            return {"type": "websocket.disconnect", "code": self.socket.closed_with, "reason": None}
        if isinstance(data, str):
            return {"type": "websocket.receive", "text": data}
        return {"type": "websocket.receive", "bytes": data}

    def _accept(self, headers: list[tuple[bytes, bytes]], subprotocol: str | None) -> None:
        """Hand the connection to the fast library, which answers the handshake itself."""
        answered = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.default_headers + headers]
        if subprotocol:
            answered.append(("Sec-WebSocket-Protocol", subprotocol))
        self.handshake_complete = True
        self.socket = FrameSocket(self.config.ws_max_size or 0, self._closed)
        socket = self.socket

        def answer(_: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
            return WSUpgradeResponseWithListener(WSUpgradeResponse.create_101_response(answered), socket)

        protocol = WSProtocol(
            None,
            None,
            False,
            answer,
            _log,
            True,
            None,
            self.ping_interval is not None,
            self.ping_interval or 0.0,
            self.ping_timeout or 0.0,
            WSAutoPingStrategy.PING_WHEN_IDLE,
            True,
            self.config.ws_max_size,
            None,
            READ_BUFFER,
        )
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        _feed(protocol, self._so_far)
        self._so_far = bytearray()

    def _closed(self) -> None:
        self.connections.discard(self)
        self.disconnected = True

    def shutdown(self) -> None:
        """The server goes down."""
        if self.socket is None:
            super().shutdown()
        else:
            self.socket.go_away(RESTARTING)


def _feed(protocol: asyncio.BufferedProtocol, data: bytes | bytearray) -> None:
    """Give a buffered protocol bytes that were read before it took over."""
    rest = memoryview(data)
    while rest:
        buffer = memoryview(protocol.get_buffer(len(rest)))
        count = min(len(buffer), len(rest))
        buffer[:count] = rest[:count]
        rest = rest[count:]
        protocol.buffer_updated(count)


def accepted(websocket: WebSocket) -> AcceptedSocket:
    """The socket under an accepted WebSocket. Raises RuntimeError under a server that is not ours."""
    protocol = websocket.scope.get("extensions", {}).get(EXTENSION)
    if protocol is None or protocol.socket is None:
        raise RuntimeError("this route needs a server whose WebSockets are FastWebSocket")
    return AcceptedSocket(protocol.socket)
