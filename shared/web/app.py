"""Makes a room's web application and runs it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import MappingProxyType
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from shared.observability import metrics
from shared.observability.context import bound, new_trace_id, trace_id_of
from shared.observability.disk import Disk
from shared.observability.logs import configure
from shared.settings import ListenSettings, ProcessSettings
from shared.task_group import TaskSet
from shared.web import problems
from shared.web.answer_deadline import AnswerDeadline
from shared.web.body_limit import BodyLimit
from shared.web.guards import Backstop

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

BODY_LIMIT = 1024 * 1024
"""Bytes of a request body, unless a room says otherwise."""
ANSWER_WITHIN_S = 12.0
"""Twilio waits fifteen seconds for us, and a client of the API should not have to wait for longer either."""
NO_OTHER_DEADLINES: Mapping[str, float] = MappingProxyType({})
NO_EXCEPTIONS: Mapping[str, int] = MappingProxyType({})

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Strict-Transport-Security": "max-age=31536000",
}


def make_app(
    room: str,
    lifespan: Lifespan,
    body_limit: int = BODY_LIMIT,
    body_limits: Mapping[str, int] = NO_EXCEPTIONS,
    disk: Disk | None = None,
    answer_within_s: float = ANSWER_WITHIN_S,
    answers_within_s: Mapping[str, float] = NO_OTHER_DEADLINES,
) -> FastAPI:
    """An app with no documentation routes of its own, declared guards, limits, problem documents and trace ids.

    `body_limits` are exceptions from `body_limit`: bytes by the beginning of a path, the longest beginning first.
    `disk` is watched as long as the app runs. What is not answered within `answer_within_s`, or by the beginning of a
    path `answers_within_s`, is answered with 503, or 504 when it was to change something.
    """
    lives = lifespan if disk is None else _watching(disk, lifespan)
    app = FastAPI(title=f"Callwright {room}", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lives)
    problems.install(app)
    app.add_middleware(AnswerDeadline, seconds=answer_within_s, exceptions=answers_within_s)
    app.add_middleware(BodyLimit, limit=body_limit, exceptions=body_limits)
    app.middleware("http")(_observe)
    app.add_middleware(Backstop)
    metrics.build_info.labels(version="0.1.0", room=room).set(1)
    return app


def _watching(disk: Disk, lifespan: Lifespan) -> Lifespan:
    @asynccontextmanager
    async def lives(app: FastAPI) -> AsyncIterator[None]:
        tasks = TaskSet("disk")
        tasks.start(disk.run(), "disk")
        try:
            async with lifespan(app):
                yield
        finally:
            await tasks.close()

    return lives


async def _observe(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Bind the trace id, measure, and add the headers every answer carries."""
    began = time.perf_counter()
    trace_id = trace_id_of(request.headers.get("traceparent")) or new_trace_id()
    with bound(trace_id=trace_id):
        try:
            response = await call_next(request)
        except Exception as error:  # noqa: BLE001  (the edge: whatever was not foreseen becomes a problem document)
            response = problems.unexpected(error)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    metrics.http_seconds.labels(
        route=_route_of(request), method=request.method, status_class=f"{response.status_code // 100}xx"
    ).observe(time.perf_counter() - began)
    return response


def _route_of(request: Request) -> str:
    """The path with its placeholders. An included router's route knows its own part alone; FastAPI's context, all."""
    context = request.scope.get("fastapi", {}).get("effective_route_context")
    return str(getattr(context or request.scope.get("route"), "path", "none"))


class ServerSettings(ProcessSettings, ListenSettings):
    """What running a web process needs."""


def server_options(settings: ServerSettings) -> dict[str, Any]:
    """Options of uvicorn that are the same in every room."""
    return {
        "host": settings.listen_host,
        "port": settings.listen_port,
        "loop": "uvloop",
        "http": "httptools",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "timeout_keep_alive": 5,
    }


def serve(app: FastAPI, room: str, settings: ServerSettings, **options: Any) -> None:
    """Run until a signal ends the process."""
    configure(room, settings.log_level)
    uvicorn.run(app, **server_options(settings), **options)


__all__ = ["Lifespan", "ServerSettings", "make_app", "serve", "server_options"]
