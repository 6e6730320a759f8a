"""The route with which people and commands place simulated calls, and read along until they end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from lab.caller import scenario as scenarios
from lab.caller.place import start
from lab.caller.scenario import BadScenario, Persona, Scenario
from lab.twilio.call import Call
from lab.twilio.faults import Faults
from lab.twilio.network import NoSuchNumber, PhoneNetwork


class CallOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which call to place: a named scenario, one given inline, or plain questions."""

    scenario: str | None = None
    inline: dict[str, Any] | None = None
    questions: tuple[str, ...] = ()
    persona: Persona | None = None
    """Who asks the plain questions."""
    to: str | None = None
    """The number to dial; the account's first when not given."""
    faults: Faults | None = None
    """Faults of this call alone, instead of those in force."""
    speed: Annotated[float, msgspec.Meta(gt=0, le=100)] | None = None
    """How much faster than the clock this call runs, instead of the network's own speed."""

    def chosen(self) -> Scenario:
        """The scenario. Raises BadScenario unless exactly one was named."""
        if sum((self.scenario is not None, self.inline is not None, bool(self.questions))) != 1:
            raise BadScenario("give exactly one of scenario, inline and questions")
        if self.scenario is not None:
            return scenarios.load(self.scenario)
        if self.inline is not None:
            return scenarios.from_mapping({"name": "inline", **self.inline})
        return Scenario.asking(*self.questions, persona=self.persona)


def caller_routes(network: PhoneNetwork) -> list[Route]:
    """`POST /lab/calls` and `GET /lab/scenarios`."""

    async def place(request: Request) -> Response:
        try:
            order = msgspec.json.decode(await request.body(), type=CallOrder)
            call = start(network, order.chosen(), order.to, order.faults, order.speed)
        except (msgspec.DecodeError, msgspec.ValidationError, BadScenario, NoSuchNumber) as error:
            return JSONResponse({"detail": str(error)}, 422)
        headers = {"X-Lab-Call-Sid": call.record.sid}
        return StreamingResponse(_lines(call), 200, headers, media_type="application/x-ndjson")

    async def listed(_: Request) -> Response:
        every = [scenarios.load(name) for name in scenarios.names()]
        return JSONResponse({"scenarios": [{"name": one.name, "about": one.about} for one in every]})

    return [
        Route("/lab/calls", place, methods=["POST"]),
        Route("/lab/scenarios", listed, methods=["GET"]),
    ]


async def _lines(call: Call) -> AsyncIterator[bytes]:
    """One event a line until the call has ended; who stops reading does not stop the call."""
    async for event in call.follow():
        yield msgspec.json.encode(event) + b"\n"
