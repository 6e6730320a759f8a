"""The gateway's web application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import gettempdir

from fastapi import FastAPI

from services.gateway.api import (
    agents,
    call_control,
    calls,
    degradation,
    knowledge,
    openapi,
    outbound,
    permissions,
    tickets,
)
from services.gateway.settings import GatewaySettings
from services.gateway.webhooks import after, fallback, machine, plain, recording, status, transfer, voice, wait
from services.gateway.wiring import Wiring
from shared.clock import Clock, SystemClock
from shared.observability.disk import TEMPORARY, Disk
from shared.web.app import make_app as make_web_app
from shared.web.guards import Operator
from shared.web.health import Health, health_routes

ROOM = "gateway"

BODY_LIMITS = {
    "/twilio/": 64 * 1024,
    knowledge.UPLOAD_PATH: knowledge.UPLOAD_LIMIT + 64 * 1024,
}
"""Bytes by path; an upload's form adds a little to its file."""

DEADLINES = {knowledge.UPLOAD_PATH: knowledge.UPLOAD_S + knowledge.SEARCHABLE_WITHIN_S + 5}
"""Seconds by path, where an answer may take longer than usual."""


def make_app(settings: GatewaySettings, clock: Clock | None = None) -> FastAPI:
    """The gateway for these settings. Raises ValueError when the signing key is none."""
    wiring = Wiring.of(settings, clock or SystemClock())
    disk = Disk({TEMPORARY: Path(gettempdir()), **settings.watched_directories}, settings.disk_least_free_mb)
    health = Health(wiring.checks(), wiring.board.report, disk)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with wiring.open():
            health.ready = True
            try:
                yield
            finally:
                health.ready = False

    app = make_web_app(ROOM, lifespan, body_limits=BODY_LIMITS, disk=disk, answers_within_s=DEADLINES)
    app.state.wiring = wiring
    for part in (voice, wait, plain, after, transfer, machine, fallback, status, recording):
        app.include_router(part.routes)
    for part in (degradation, outbound, permissions, calls, call_control, tickets, knowledge, agents, openapi):
        app.include_router(part.routes, prefix="/api/v1")
    token = settings.metrics_token
    app.include_router(health_routes(health, Operator(token.get_secret_value() if token else None)))
    return app
