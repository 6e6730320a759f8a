"""Makes a room's web application and runs it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from shared.observability import metrics
from shared.observability.context import bound, new_trace_id, trace_id_of
from shared.observability.logs import configure
from shared.settings import ListenSettings, ProcessSettings
from shared.web import problems
from shared.web.guards import Backstop

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

BODY_LIMIT = 1024 * 1024
"""Bytes of a request body, unless a room says otherwise."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
}


def make_app(room: str, lifespan: Lifespan, body_limit: int = BODY_LIMIT) -> FastAPI:
    """An app with no documentation routes of its own, declared guards, limits, problem documents and trace ids."""
    app = FastAPI(title=f"Callwright {room}", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    problems.install(app)
    app.middleware("http")(_observe)
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=body_limit)
    app.add_middleware(Backstop)
    metrics.build_info.labels(version="0.1.0", room=room).set(1)
    return app


async def _observe(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Bind the trace id, measure, and add the headers every answer carries."""
    began = time.perf_counter()
    trace_id = trace_id_of(request.headers.get("traceparent")) or new_trace_id()
    with bound(trace_id=trace_id):
        response = await call_next(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    route = request.scope.get("route")
    metrics.http_seconds.labels(
        route=getattr(route, "path", "none"), method=request.method, status_class=f"{response.status_code // 100}xx"
    ).observe(time.perf_counter() - began)
    return response


class ServerSettings(ProcessSettings, ListenSettings):
    """What running a web process needs."""


def serve(app: FastAPI, room: str, settings: ServerSettings, **options: object) -> None:
    """Run until a signal ends the process."""
    configure(room, settings.log_level)
    uvicorn.run(
        app,
        host=settings.listen_host,
        port=settings.listen_port,
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=5,
        **options,  # type: ignore[arg-type]
    )


__all__ = ["Lifespan", "ServerSettings", "make_app", "serve"]
