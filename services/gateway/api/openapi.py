"""`/api/v1/openapi.json`: the description from which clients are generated."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.responses import JSONResponse

from services.gateway.auth.requires import Requires
from services.gateway.wiring import Wired
from shared.web.problems import Problem

routes = APIRouter()

DESCRIPTION = """Calls, tickets, knowledge and agents of one deployment.

Send an API key as `Authorization: Bearer cw_live_…`. Each operation names the scope it needs. Errors are problem
documents (RFC 9457); `trace_id` finds the request in our logs."""
SECURITY_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "cw_live_…",
    "description": "An API key, made with `python -m services.gateway.keys create`.",
}


@routes.get("/openapi.json", include_in_schema=False, dependencies=[Depends(Requires())])
async def openapi(request: Request, wiring: Wired) -> JSONResponse:
    """The description; any valid key may read it."""
    app: FastAPI = request.app
    if app.openapi_schema is None:
        app.openapi_schema = describe(app, wiring.addresses.public)
    return JSONResponse(app.openapi_schema)


def describe(app: FastAPI, address: str) -> dict[str, Any]:
    """The OpenAPI document of the routes that are served at `address`."""
    document = get_openapi(
        title="Callwright", version="1", description=DESCRIPTION, servers=[{"url": address}], routes=app.routes
    )
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
    components["securitySchemes"] = {"api_key": SECURITY_SCHEME}
    for context in iter_route_contexts(app.routes):
        for method in context.methods or ():
            operation = document["paths"].get(context.path_format, {}).get(method.lower())
            if operation is not None:
                _complete(operation, context)
    return document


def _complete(operation: dict[str, Any], route: RouteContext) -> None:
    """Add the scope, read from the guard that enforces it, and the examples as they were written.

    FastAPI leaves out every null of an example; where null means something the example would not fit its schema.
    """
    operation["security"] = [{"api_key": []}]
    for declared in route.dependencies:
        if isinstance(declared.dependency, Requires) and declared.dependency.scope is not None:
            operation["x-required-scope"] = declared.dependency.scope.value
            operation["description"] += f"\n\nNeeds the scope `{declared.dependency.scope}`."
    for status, response in route.responses.items():
        for media_type, content in response.get("content", {}).items():
            operation["responses"][str(status)]["content"][media_type]["example"] = content["example"]
