"""Routes under `/lab` that no Kayako has: faults, cases as they really are, and changes to the help centre."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.kayako.api import Api
from lab.kayako.desk import Desk
from lab.kayako.faults import KayakoFaultSetting
from lab.kayako.help_centre import DEFAULT_LOCALE, ArticleStatus
from lab.kayako.views import article_view, summary_of, view_of
from lab.wire.faults import control_routes

MOST_ROWS = 1000


class ArticleChange(BaseModel):
    """What to change in an article."""

    model_config = ConfigDict(extra="forbid")

    locale: str = DEFAULT_LOCALE
    title: str | None = None
    html: str | None = None
    status: ArticleStatus | None = None


class Control:
    """The handlers."""

    def __init__(self, desk: Desk, api: Api) -> None:
        self._desk = desk
        self._api = api

    async def list_cases(self, request: Request) -> JSONResponse:
        """Newest first, in whatever state; `tag`, `state` and `before` (an id) choose, `limit` cuts.

        Lags do not apply here.
        """
        tag, state = request.query_params.get("tag"), request.query_params.get("state")
        limit, before = request.query_params.get("limit", "100"), request.query_params.get("before")
        if not limit.isdigit() or not (before or "0").isdigit():
            return _refusal("limit and before: expected numbers", 422)
        cases = self._desk.tagged(tag) if tag is not None else list(self._desk.cases.values())
        cases = [case for case in cases if state is None or case.state.value == state]
        cases = [case for case in cases if before is None or case.id < int(before)]
        shown = sorted(cases, key=lambda case: case.id, reverse=True)[: min(int(limit), MOST_ROWS)]
        rows = [summary_of(self._desk, case).model_dump(mode="json") for case in shown]
        return JSONResponse({"total": len(cases), "cases": rows})

    async def get_case(self, request: Request) -> JSONResponse:
        """One case with everything on it."""
        case = self._desk.cases.get(request.path_params["case_id"])
        if case is None:
            return _refusal("there is no such case", 404)
        return JSONResponse(view_of(self._desk, case).model_dump(mode="json"))

    async def list_requests(self, request: Request) -> JSONResponse:  # noqa: ARG002
        """What the API was asked, counted."""
        rows = [
            {"method": method, "resource": resource, "status": status, "count": count}
            for (method, resource, status), count in sorted(self._api.counts.items())
        ]
        return JSONResponse({"requests": rows, "sessions": len(self._desk.sessions), "mails": len(self._desk.mails)})

    async def list_articles(self, request: Request) -> JSONResponse:  # noqa: ARG002
        """The help centre's contents."""
        centre = self._desk.help_centre
        rows = [article_view(centre, article).model_dump(mode="json") for article in centre.articles.values()]
        return JSONResponse({"articles": rows})

    async def get_article(self, request: Request) -> JSONResponse:
        """One article with its texts."""
        centre = self._desk.help_centre
        article = centre.articles.get(request.path_params["article_id"])
        if article is None:
            return _refusal("there is no such article", 404)
        return JSONResponse(article_view(centre, article).model_dump(mode="json"))

    async def change_article(self, request: Request) -> JSONResponse:
        """Rewrite a text, or publish or withdraw."""
        article_id = request.path_params["article_id"]
        try:
            change = ArticleChange.model_validate_json(await request.body())
            self._desk.help_centre.rewrite(article_id, change.locale, change.title, change.html)
            if change.status is not None:
                self._desk.help_centre.set_status(article_id, change.status)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False, include_context=False)
            return JSONResponse({"errors": problems}, status_code=422)
        except KeyError:
            return _refusal("there is no such article", 404)
        except ValueError as error:
            return _refusal(str(error), 422)
        return await self.get_article(request)

    async def remove_article(self, request: Request) -> Response:
        """Delete for good."""
        try:
            self._desk.help_centre.remove(request.path_params["article_id"])
        except KeyError:
            return _refusal("there is no such article", 404)
        return Response(status_code=204)


def _refusal(message: str, status: int) -> JSONResponse:
    return JSONResponse({"error": message}, status_code=status)


def routes(desk: Desk, api: Api) -> Sequence[Route]:
    """`/lab/faults`, `/lab/cases`, `/lab/cases/{id}`, `/lab/requests`, `/lab/articles`, `/lab/articles/{id}`."""
    control = Control(desk, api)
    article = "/lab/articles/{article_id:int}"
    return [
        *control_routes(desk.faults, KayakoFaultSetting),
        Route("/lab/cases", control.list_cases),
        Route("/lab/cases/{case_id:int}", control.get_case),
        Route("/lab/requests", control.list_requests),
        Route("/lab/articles", control.list_articles),
        Route(article, control.get_article),
        Route(article, control.change_article, methods=["PUT"]),
        Route(article, control.remove_article, methods=["DELETE"]),
    ]
