"""Assembles the stand-in."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from lab.kayako import control
from lab.kayako.api import Api
from lab.kayako.desk import Desk
from lab.kayako.output import PREFIX
from shared.task_group import TaskSet

BODY_LIMIT = 20 * 1024 * 1024
"""Bytes; Kayako documents none, this one keeps the lab's memory."""
NOTICE = "This is the lab's stand-in for Kayako, not the real service.\n"


def make_app(desk: Desk, pages_url: str | None = None) -> Starlette:
    """Kayako's API v1 over this desk, and the lab's control routes.

    Serve it with `lab.wire.serving`, or the faults that cut connections cannot work. With `pages_url`, the addresses of
    cases and articles that Kayako would show in a browser lead to the lab's pages there.
    """
    late_work = TaskSet("kayako-lab")
    api = Api(desk, late_work)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:  # noqa: ARG001
        yield
        await late_work.close()

    async def show_case(request: Request) -> Response:
        return _elsewhere(pages_url, f"/cases/{request.path_params['case_id']}")

    async def show_article(request: Request) -> Response:
        number = request.path_params["name"].partition("-")[0]
        return _elsewhere(pages_url, f"/articles/{number}") if number.isdigit() else _elsewhere(None, "")

    async def front(request: Request) -> Response:  # noqa: ARG001
        return PlainTextResponse(NOTICE)

    return Starlette(
        routes=[
            Mount(PREFIX, app=api),
            *control.routes(desk, api),
            Route("/agent/conversations/{case_id:int}", show_case),
            Route("/{locale}/article/{name}", show_article),
            Route("/", front),
        ],
        middleware=[Middleware(RequestBodyLimitMiddleware, max_body_size=BODY_LIMIT)],
        lifespan=lifespan,
    )


def _elsewhere(pages_url: str | None, path: str) -> Response:
    if pages_url is None:
        return PlainTextResponse(NOTICE + "It has no pages of its own.\n", status_code=404)
    return RedirectResponse(pages_url + path)
