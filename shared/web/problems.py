"""Errors as RFC 9457 problem documents: one shape, nothing of the input echoed, no traceback."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from shared.errors import CallwrightError, Transient
from shared.observability.context import current_trace_id
from shared.observability.logs import get_logger

log = get_logger(__name__)
MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """What a client gets instead of an answer."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    trace_id: str
    errors: list[dict[str, str]] | None = None


def problem(status: int, title: str, detail: str, errors: list[dict[str, str]] | None = None) -> JSONResponse:
    """A problem document with this request's trace id."""
    body = Problem(title=title, status=status, detail=detail, trace_id=current_trace_id(), errors=errors)
    return JSONResponse(body.model_dump(exclude_none=True), status_code=status, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of this app as a problem document."""

    @app.exception_handler(CallwrightError)
    async def known(_: Request, error: CallwrightError) -> Response:
        if error.status >= 500:
            log.error("request_failed", error=type(error).__name__, reason=error.detail)
        response = problem(error.status, error.title, error.detail)
        if isinstance(error, Transient):
            response.headers["Retry-After"] = str(int(error.retry_after or 5))
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return problem(422, "Not acceptable as sent", "see errors", [_without_input(e) for e in error.errors()])

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> Response:
        title = HTTPStatus(error.status_code).phrase
        response = problem(error.status_code, title, str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(Exception)
    async def unexpected(_: Request, error: Exception) -> Response:
        log.error("request_failed", error=type(error).__name__, exc_info=error)
        return problem(500, "Internal error", "something went wrong on our side; the trace id finds it in our logs")


def _without_input(error: dict[str, Any]) -> dict[str, str]:
    """Where and why, never what was sent: people type passwords into the wrong field."""
    return {"where": ".".join(str(part) for part in error["loc"]), "why": str(error["msg"])}
