"""The voice room's web application: a socket route for each transport, health and metrics."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import ceil
from typing import Any

from fastapi import Depends, FastAPI, Response, WebSocket

from services.voice.session.calls import Opened, Transport
from services.voice.settings import VoiceRoomSettings
from services.voice.transport.fast_server import accepted
from services.voice.transport.handshake import TwilioHandshake
from services.voice.wiring import Wiring
from shared.errors import LimitReached
from shared.observability import metrics
from shared.security.twilio_signature import TwilioSignature
from shared.web.app import make_app as make_web_app
from shared.web.guards import Operator
from shared.web.health import Health, health_routes

ROOM = "voice"
BODY_LIMIT = 4096
"""Bytes; no route of this room takes a body."""


def make_app(settings: VoiceRoomSettings, wiring: Wiring, health: Health) -> FastAPI:
    """The voice room for these settings and parts."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with wiring.open():
            # What the process is made of lives as long as it does: collecting garbage among a call's few objects takes
            # well under a millisecond, among all of these a hundred.
            gc.collect()
            gc.freeze()
            health.ready = True
            try:
                yield
            finally:
                health.ready = False

    app = make_web_app(ROOM, lifespan, body_limit=BODY_LIMIT, disk=health.disk)
    signature = TwilioSignature(settings.twilio_auth_token.get_secret_value())

    async def take(websocket: WebSocket, transport: Transport[Opened]) -> None:
        if (refusal := wiring.calls.refusal) is not None:
            metrics.webhooks_rejected_total.labels(reason=refusal).inc()
            await websocket.send_denial_response(Response(status_code=503))
            return
        if (limit := await wiring.handshakes.refusal()) is not None:
            await websocket.send_denial_response(
                Response(status_code=LimitReached.status, headers={"Retry-After": str(ceil(limit.retry_after_s))})
            )
            return
        await websocket.accept()
        await wiring.calls.take(accepted(websocket), transport)

    def signed(path: str) -> list[Any]:
        return [Depends(TwilioHandshake(signature, settings.media_address + path))]

    @app.websocket(wiring.media.path, dependencies=signed(wiring.media.path))
    async def media(websocket: WebSocket) -> None:
        await take(websocket, wiring.media)

    @app.websocket(wiring.relay.path, dependencies=signed(wiring.relay.path))
    async def relay(websocket: WebSocket) -> None:
        await take(websocket, wiring.relay)

    token = settings.metrics_token
    app.include_router(health_routes(health, Operator(token.get_secret_value() if token else None)))
    return app
