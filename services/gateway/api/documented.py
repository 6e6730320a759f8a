"""How every operation is documented: an example of its answer, and the problems a client must expect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from services.gateway.auth.requires import GuardedRoute
from shared.errors import CallwrightError, Forbidden, Invalid, LimitReached, TooLarge, Transient, Unauthenticated
from shared.web.problems import MEDIA_TYPE


class Unreadable(CallwrightError):
    """The body is not what its Content-Type says; raised by the framework, documented here."""

    status = 400
    title = "Bad Request"


ALWAYS: tuple[type[CallwrightError], ...] = (Unauthenticated, Forbidden, Invalid, LimitReached, Transient)
BODY: tuple[type[CallwrightError], ...] = (Unreadable, TooLarge)
"""What any operation that takes a body may answer as well."""
PROBLEM_SCHEMA = "#/components/schemas/Problem"

_RETRY_AFTER = {"description": "Whole seconds until trying again is worth it", "schema": {"type": "integer"}}

Responses = dict[int | str, dict[str, Any]]


def api_router(name: str) -> APIRouter:
    """Routes under `/<name>`; each is called after its function in generated clients."""
    return APIRouter(
        prefix=f"/{name}", tags=[name], route_class=GuardedRoute, generate_unique_id_function=lambda route: route.name
    )


def documented(example: Mapping[str, Any] | None, *problems: type[CallwrightError], status: int = 200) -> Responses:
    """`responses=` of a route: the example of a success, and these problems beside the ones every route has."""
    responses: Responses = {problem.status: _problem(problem) for problem in (*ALWAYS, *problems)}
    if example is not None:
        responses[status] = {"content": {"application/json": {"example": example}}}
    return responses


def documented_repeat(model: type[BaseModel], example: Mapping[str, Any]) -> Responses:
    """The answer to a request that was carried out before."""
    content = {"application/json": {"example": example}}
    return {200: {"description": "What was made before", "model": model, "content": content}}


def _problem(error: type[CallwrightError]) -> dict[str, Any]:
    example = {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": " ".join((error.__doc__ or "").split()),
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }
    waits = {"headers": {"Retry-After": _RETRY_AFTER}} if issubclass(error, Transient) else {}
    return {
        "description": error.title,
        **waits,
        "content": {MEDIA_TYPE: {"schema": {"$ref": PROBLEM_SCHEMA}, "example": example}},
    }
