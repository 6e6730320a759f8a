"""Faults that a scenario switches on: which, where, how often. Settable in Python and through `POST /lab/faults`."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

Kind = TypeVar("Kind", bound=StrEnum)


class Fault(BaseModel, Generic[Kind]):
    """One way to misbehave."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    where: str = Field(
        default="*", description="glob over 'METHOD /path' as the app names its endpoints", examples=["POST /cases"]
    )
    probability: float = Field(default=1.0, ge=0, le=1)
    times: int | None = Field(default=None, ge=0, description="how often it still happens; null means always")
    seconds: float = Field(default=0.0, ge=0, description="delay, lag or Retry-After, by kind")
    after: int = Field(default=0, ge=0, description="tokens of a stream that still arrive before it happens")
    fired: int = Field(default=0, ge=0, description="how often it has happened")


Given = TypeVar("Given", bound=Fault[Any])


class Faults(Generic[Kind]):
    """The faults in force. Chances come from one seeded source, so that a run can be repeated."""

    def __init__(self, active: Iterable[Fault[Kind]] = (), seed: int = 0) -> None:
        self.active: list[Fault[Kind]] = list(active)
        self._random = random.Random(seed)  # noqa: S311  (chance for scenarios, not for secrets)

    def add(self, fault: Given) -> Given:
        """Switch one more on; the returned object tells later how often it fired."""
        self.active.append(fault)
        return fault

    def replace(self, faults: Iterable[Fault[Kind]]) -> None:
        """Switch all others off."""
        self.active = list(faults)

    def draw(self, where: str, *kinds: Kind) -> Fault[Kind] | None:
        """The first fault of these kinds that happens at this endpoint now; counts it as fired."""
        for fault in self.active:
            if fault.kind not in kinds or fault.times == 0 or not fnmatchcase(where, fault.where):
                continue
            if fault.probability < 1 and self._random.random() >= fault.probability:
                continue
            fault.fired += 1
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None


def control_routes(faults: Faults[Kind], fault_type: type[Fault[Kind]]) -> Sequence[Route]:
    """`GET`, `POST` (replaces all) and `DELETE` `/lab/faults`; a body is `{"faults": [{"kind": …}, …]}`."""

    class Wanted(BaseModel):
        model_config = ConfigDict(extra="forbid")
        faults: list[fault_type]  # type: ignore[valid-type]

    async def control(request: Request) -> JSONResponse:
        if request.method == "DELETE":
            faults.replace([])
        elif request.method == "POST":
            try:
                faults.replace(Wanted.model_validate_json(await request.body()).faults)
            except ValidationError as error:
                problems = error.errors(include_url=False, include_input=False, include_context=False)
                return JSONResponse({"errors": problems}, status_code=422)
        return JSONResponse({"faults": [fault.model_dump(mode="json") for fault in faults.active]})

    return [Route("/lab/faults", control, methods=["GET", "POST", "DELETE"])]
