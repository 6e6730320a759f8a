"""The ticketing room's web application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import Depends, FastAPI

from services.ticketing.api import tickets
from services.ticketing.settings import TicketingSettings
from shared.clients.kayako import KayakoClient
from shared.clock import Clock, SystemClock
from shared.database.engine import async_sessions, make_async_engine
from shared.database.health import ask_anything
from shared.observability.disk import Disk
from shared.security.purpose_tokens import TokenSigner
from shared.web.app import make_app as make_web_app
from shared.web.guards import Operator, Service
from shared.web.health import CHECK_DEADLINE_S, Health, health_routes

ROOM = "ticketing"


def make_app(settings: TicketingSettings, clock: Clock | None = None) -> FastAPI:
    """The service for these settings. Raises ValueError when the signing key is none."""
    signer = TokenSigner(settings.signing_key.get_secret_value())
    disk = Disk(settings.watched_directories, settings.disk_least_free_mb)
    health = Health(disk=disk)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = make_async_engine(settings, ROOM)
        app.state.sessions = sessions = async_sessions(engine)

        impatient = settings.model_copy(update={"kayako_timeout_s": CHECK_DEADLINE_S})
        with KayakoClient(impatient, clock or SystemClock()) as kayako:

            async def ask_kayako() -> None:
                # in a thread: the client waits for its answer
                await asyncio.to_thread(kayako.get, "me")

            health.checks = {"database": partial(ask_anything, sessions), "kayako": ask_kayako}
            health.ready = True
            try:
                yield
            finally:
                health.ready = False
                await engine.dispose()

    app = make_web_app(ROOM, lifespan, disk=disk)
    app.include_router(tickets.routes, dependencies=[Depends(Service(ROOM, signer))])
    token = settings.metrics_token
    app.include_router(health_routes(health, Operator(token.get_secret_value() if token else None)))
    return app
