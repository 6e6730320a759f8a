"""The pages."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lab.pages.logs import CallLog, DeskLog, LogAway
from lab.pages.rendering import FOLDER, environment
from lab.pages.timeline import dialogue, rows

LIST_REFRESH_S = 5
LIVE_REFRESH_S = 2
NEWEST = 12
"""Rows of each list on the front page."""
MARKER = re.compile(r"call-(ca[0-9a-f]{32})")
"""The tag that ties a case to a call: the call's sid in lower case."""
HEADERS = {
    b"content-security-policy": b"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-store",
}


class Guarded:
    """Adds the headers that every page carries."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS.items()]
            await send(message)

        await self._app(scope, receive, with_headers)


class Pages:
    """The handlers."""

    def __init__(self, calls: CallLog, desk: DeskLog) -> None:
        self._calls = calls
        self._desk = desk
        self._templates = environment()

    async def front(self, request: Request) -> Response:
        """The newest calls and cases side by side."""
        calls, cases = (await self._calls.calls())[:NEWEST], await self._desk.cases()
        newest = cases.cases[:NEWEST]
        return self._page(request, "front.html", refresh=LIST_REFRESH_S, calls=calls, cases=newest)

    async def call_list(self, request: Request) -> Response:
        """Every call."""
        return self._page(request, "calls.html", refresh=LIST_REFRESH_S, calls=await self._calls.calls())

    async def one_call(self, request: Request) -> Response:
        """What was said and heard, and every event; refreshed while the call lives."""
        call = await self._calls.call(request.path_params["sid"])
        if call is None:
            return self._missing(request, "There is no such call.")
        return self._page(
            request,
            "call.html",
            refresh=LIVE_REFRESH_S if call.ended_by is None else None,
            call=call,
            dialogue=dialogue(call),
            rows=rows(call),
            cases=(await self._desk.cases(tag=f"call-{call.sid.lower()}")).cases,
        )

    async def case_list(self, request: Request) -> Response:
        """The newest cases, in whatever state."""
        page = await self._desk.cases()
        return self._page(request, "cases.html", refresh=LIST_REFRESH_S, cases=page.cases, total=page.total)

    async def one_case(self, request: Request) -> Response:
        """Fields, tags and everything written on it."""
        case = await self._desk.case(request.path_params["case_id"])
        if case is None:
            return self._missing(request, "There is no such case.")
        markers = [match[1] for tag in case.tags if (match := MARKER.fullmatch(tag.lower()))]
        call_sid = f"CA{markers[0][2:]}" if markers else None
        return self._page(request, "case.html", case=case, call_sid=call_sid)

    async def article_list(self, request: Request) -> Response:
        """The help centre."""
        articles = sorted(await self._desk.articles(), key=lambda article: (article.section, article.texts[0].title))
        return self._page(request, "articles.html", articles=articles)

    async def one_article(self, request: Request) -> Response:
        """An article in all its languages; its address may go on with a title, as links between articles do."""
        number = request.path_params["name"].partition("-")[0]
        article = await self._desk.article(int(number)) if number.isdigit() else None
        if article is None:
            return self._missing(request, "There is no such article.")
        return self._page(request, "article.html", article=article)

    async def style(self, request: Request) -> Response:  # noqa: ARG002
        """The one style sheet."""
        return FileResponse(FOLDER / "static" / "lab.css", media_type="text/css")

    async def away(self, request: Request, error: Exception) -> Response:
        """A stand-in does not answer: say so, and look again."""
        return self._page(request, "notice.html", 503, refresh=LIST_REFRESH_S, notice=f"At the moment, {error}.")

    async def not_found(self, request: Request, error: Exception) -> Response:  # noqa: ARG002
        """An address that no page has."""
        return self._missing(request, "There is no such page.")

    def _missing(self, request: Request, notice: str) -> Response:
        return self._page(request, "notice.html", 404, notice=notice)

    def _page(
        self, request: Request, template: str, status: int = 200, refresh: int | None = None, **values: object
    ) -> Response:
        base = request.scope.get("root_path", "")
        html = self._templates.get_template(template).render(
            base=base, path=request.url.path.removeprefix(base), refresh=refresh, **values
        )
        return HTMLResponse(html, status)


def make_app(calls: CallLog, desk: DeskLog) -> Starlette:
    """The pages over these logs. It may be mounted under a path."""
    pages = Pages(calls, desk)
    paths: dict[str, Callable[[Request], Awaitable[Response]]] = {
        "/": pages.front,
        "/calls": pages.call_list,
        "/calls/{sid}": pages.one_call,
        "/cases": pages.case_list,
        "/cases/{case_id:int}": pages.one_case,
        "/articles": pages.article_list,
        "/articles/{name}": pages.one_article,
        "/lab.css": pages.style,
    }
    return Starlette(
        routes=[Route(path, handler) for path, handler in paths.items()],
        middleware=[Middleware(Guarded)],
        exception_handlers={LogAway: pages.away, 404: pages.not_found},
    )
