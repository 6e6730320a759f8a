"""Errors as RFC 9457 problem documents: one shape, nothing of the input echoed, no traceback."""

from __future__ import annotations

import re
from http import HTTPStatus
from math import ceil
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from shared.errors import CallwrightError, NoRoom, Transient, Unauthenticated, is_full
from shared.observability.context import current_trace_id
from shared.observability.logs import get_logger

log = get_logger(__name__)
MEDIA_TYPE = "application/problem+json"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,29}\Z")
"""What a field's name looks like; the name of a field that we do not know was typed by the client."""
NO_ROOM = NoRoom("there is no room on this machine for what was sent", retry_after=60)


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
        return expected(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        return problem(422, "Not acceptable as sent", "see errors", [_without_input(e) for e in error.errors()])

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> Response:
        if is_full(error.__cause__):  # FastAPI takes every error while it reads a body for the client's
            return expected(NO_ROOM)
        title = HTTPStatus(error.status_code).phrase
        response = problem(error.status_code, title, str(error.detail))
        response.headers.update(error.headers or {})
        return response


def expected(error: CallwrightError) -> Response:
    """What a client gets for an error that was raised on purpose."""
    if error.status >= 500:
        log.error("request_failed", error=type(error).__name__, reason=error.detail)
    response = problem(error.status, error.title, error.detail)
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Transient):
        response.headers["Retry-After"] = str(ceil(error.retry_after or 5))
    return response


def unexpected(error: Exception) -> Response:
    """What a client gets for an error that nobody raised on purpose."""
    if is_full(error):
        return expected(NO_ROOM)
    log.error("request_failed", error=type(error).__name__, exc_info=error)
    return problem(500, "Internal error", "something went wrong on our side; the trace id finds it in our logs")


def _without_input(error: dict[str, Any]) -> dict[str, str]:
    """Where and why, never what was sent: people type passwords into the wrong field."""
    where = [str(part) if isinstance(part, int) or _NAME.match(part) else "…" for part in error["loc"]]
    return {"where": ".".join(where), "why": str(error["msg"])}
