"""Health and metrics, the same paths in every room.

Liveness: the event loop turns. Readiness: this process wants work. Neither asks the database or a provider, so that one
outage elsewhere does not empty every service at once. The dependency report does ask, and is for people.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from fastapi import APIRouter, Depends
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from shared.observability.disk import Disk
from shared.observability.log_output import STANDARD_OUTPUT
from shared.resilience.circuit import CircuitState
from shared.web.guards import Operator, Public

CHECK_DEADLINE_S = 3.0

Check = Callable[[], Awaitable[None]]
"""Asks one dependency something cheap; raises when it does not answer."""


@dataclass
class Health:
    """What a process says about itself."""

    checks: Mapping[str, Check] = field(default_factory=dict)
    breakers: Callable[[], Mapping[str, Mapping[str, object]]] | None = None
    """What this process knows of each provider's circuit."""
    disk: Disk | None = None
    """Where this process writes."""
    ready: bool = False

    def every_check(self) -> Mapping[str, Check]:
        """What the report asks: others, and this machine."""
        here: dict[str, Check] = {"log": STANDARD_OUTPUT.check}
        if self.disk is not None:
            here["disk"] = self.disk.check
        return {**self.checks, **here}


async def _ask(check: Check) -> dict[str, object]:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(CHECK_DEADLINE_S):
            await check()
    except Exception as error:  # noqa: BLE001  (the report is about whatever went wrong)
        return {"ok": False, "error": type(error).__name__}
    return {"ok": True, "milliseconds": round((time.perf_counter() - began) * 1000, 1)}


def _of_breakers(known: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    away = [name for name, one in known.items() if one["state"] != CircuitState.CLOSED]
    return {"ok": not away, "error": ", ".join(away), "providers": known}


def health_routes(health: Health, operator: Operator) -> APIRouter:
    """`/health/live`, `/health/ready`, `/health/dependencies` and `/metrics`."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/health/live", dependencies=[Depends(Public("liveness probe"))])
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    @routes.get("/health/ready", dependencies=[Depends(Public("readiness probe"))])
    async def ready() -> JSONResponse:
        return JSONResponse({"ready": health.ready}, status_code=200 if health.ready else 503)

    @routes.get("/health/dependencies", dependencies=[Depends(operator)])
    async def dependencies() -> JSONResponse:
        checks = health.every_check()
        answers = await asyncio.gather(*(_ask(check) for check in checks.values()))
        report = dict(zip(checks, answers, strict=True))
        if health.breakers is not None:
            report["breakers"] = _of_breakers(health.breakers())
        return JSONResponse(report, status_code=200 if all(part["ok"] for part in report.values()) else 503)

    @routes.get("/metrics", dependencies=[Depends(operator)])
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return routes
