"""`/api/v1/degradation`: the level the platform lives on, and a person's word about it for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from fastapi import Depends
from pydantic import BaseModel, ConfigDict, Field

from services.gateway.api.documented import BODY, api_router, documented
from services.gateway.api.strict import Named, Strict
from services.gateway.auth.requires import CurrentKey, Requires
from services.gateway.wiring import Wired
from shared.degradation.levels import Level
from shared.degradation.override import Override
from shared.errors import Transient
from shared.messaging.shared_values import AWAY
from shared.observability.logs import get_logger
from shared.security.api_keys import Scope

log = get_logger(__name__)
routes = api_router("degradation")

LONGEST_S = 24 * 3600
REDIS_WITHIN_S = 2.0
Result = TypeVar("Result")
_EXAMPLE: dict[str, Any] = {
    "level": 2,
    "override": {
        "level": 2,
        "reason": "the model quotes wrong prices",
        "set_by": "5c0c6d0e-8f1b-4a57-9f43-0a6d7d1a2f10",
        "expires_at": "2026-11-20T18:00:00Z",
    },
}


class SetLevel(Strict):
    """A level for a while."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"level": 2, "reason": "the model quotes wrong prices", "expires_in_s": 1800}]}
    )

    level: Level = Field(description="0 full model, 1 fast model, 2 rules and articles, 3 a person or a message")
    reason: Named = Field(max_length=200, description="for whoever finds this later; no personal data")
    expires_in_s: int = Field(ge=10, le=LONGEST_S, description="seconds until health decides again")


class Present(BaseModel):
    """How things stand."""

    level: Level = Field(description="of the gateway that answers; a voice process may live on a worse one by itself")
    override: Override | None = Field(description="what a person has set for all processes")


@routes.get("", dependencies=[Depends(Requires(Scope.OPERATIONS_READ))], responses=documented(_EXAMPLE))
async def present_level(wiring: Wired) -> Present:
    """The level, and what was set by hand."""
    found = await _asked(wiring.overrides.read())
    override = found[0] if found is not None else None
    return Present(level=override.level if override is not None else wiring.ladder.level, override=override)


@routes.post("", dependencies=[Depends(Requires(Scope.OPERATIONS_WRITE))], responses=documented(_EXAMPLE, *BODY))
async def set_level(wanted: SetLevel, key: CurrentKey, wiring: Wired) -> Present:
    """Set the level of every process, within two seconds and until it expires."""
    until: datetime = wiring.clock.now() + timedelta(seconds=wanted.expires_in_s)
    override = Override(level=wanted.level, reason=wanted.reason, set_by=str(key.id), expires_at=until)
    await _asked(wiring.overrides.set(override, wanted.expires_in_s))
    log.warning("degradation_set", level=int(wanted.level), subject_id=str(key.id), seconds=wanted.expires_in_s)
    return Present(level=wanted.level, override=override)


@routes.delete(
    "",
    status_code=204,
    dependencies=[Depends(Requires(Scope.OPERATIONS_WRITE))],
    responses=documented(None, status=204),
)
async def clear_level(key: CurrentKey, wiring: Wired) -> None:
    """Let health decide again."""
    await _asked(wiring.overrides.clear())
    log.warning("degradation_cleared", subject_id=str(key.id))


async def _asked(work: Awaitable[Result]) -> Result:
    try:
        async with asyncio.timeout(REDIS_WITHIN_S):
            return await work
    except AWAY as error:
        raise Transient("Redis does not answer; levels cannot be set by hand") from error
