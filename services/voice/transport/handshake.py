"""Who may open a media socket: Twilio, by the signature of its handshake, checked before the socket is accepted."""

from __future__ import annotations

from fastapi import WebSocket, WebSocketException

from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.security.twilio_signature import TwilioSignature
from shared.web.guards import authorise

log = get_logger(__name__)
POLICY = 1008
"""A socket that is closed with a code before it was accepted is answered 403."""


class TwilioHandshake:
    """The guard of a socket route. The address is the configured one, never what the request claims."""

    declares = "twilio: handshake signature"

    def __init__(self, signature: TwilioSignature, address: str) -> None:
        """`address` is the socket's public wss:// (or ws://) address, exactly as TwiML names it."""
        self._signature = signature
        self._address = address

    async def __call__(self, websocket: WebSocket) -> None:
        if not self._signature.signs_socket(self._address, websocket.headers.get("x-twilio-signature", "")):
            metrics.webhooks_rejected_total.labels(reason="socket_signature").inc()
            log.warning("handshake_refused", reason="signature")
            raise WebSocketException(POLICY)
        authorise(websocket, self.declares)
