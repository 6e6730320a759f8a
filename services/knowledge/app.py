"""The knowledge room's web application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import gettempdir

from fastapi import Depends, FastAPI

from services.knowledge.api import articles, search
from services.knowledge.settings import KnowledgeServiceSettings
from services.knowledge.wiring import wired
from shared.clock import Clock, SystemClock
from shared.observability.disk import TEMPORARY, Disk
from shared.security.purpose_tokens import TokenSigner
from shared.web.app import make_app as make_web_app
from shared.web.guards import Operator, Service
from shared.web.health import Health, health_routes

ROOM = "knowledge"
UPLOAD_WITHIN_S = 30.0
"""A long file is read, cut and stored before its upload is answered; whoever sends it waits less."""


def make_app(settings: KnowledgeServiceSettings, clock: Clock | None = None) -> FastAPI:
    """The service for these settings. Raises ValueError when the signing key is none."""
    signer = TokenSigner(settings.signing_key.get_secret_value())
    written = {TEMPORARY: Path(gettempdir()), "models": settings.knowledge_model_dir, **settings.watched_directories}
    disk = Disk(written, settings.disk_least_free_mb)
    health = Health(disk=disk)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with wired(settings, clock or SystemClock()) as wiring:
            app.state.wiring = wiring
            health.checks, health.breakers = wiring.checks(), wiring.board.report
            health.ready = True
            try:
                yield
            finally:
                health.ready = False

    app = make_web_app(
        ROOM,
        lifespan,
        body_limits={articles.UPLOAD_PATH: articles.UPLOAD_LIMIT},
        disk=disk,
        answers_within_s={articles.UPLOAD_PATH: UPLOAD_WITHIN_S},
    )
    for part in (search, articles):
        app.include_router(part.routes, dependencies=[Depends(Service(ROOM, signer))])
    token = settings.metrics_token
    app.include_router(health_routes(health, Operator(token.get_secret_value() if token else None)))
    return app
