"""The lab's own routes: what the network is, its calls, and the faults in force."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lab.twilio.faults import Faults
from lab.twilio.network import PhoneNetwork
from lab.twilio.records import summary

WHAT_THIS_IS = "The phone lab's stand-in for Twilio. Its calls are simulated; it is not Twilio and rings no telephone."


def control_routes(network: PhoneNetwork) -> list[Route]:
    """`GET /lab`, `GET /lab/calls`, `GET /lab/calls/{sid}`, and `/lab/faults`: read, replace (PUT or POST), remove."""

    async def describe(_: Request) -> Response:
        calls = [call for call in network.calls() if call.is_active]
        return as_json({"what": WHAT_THIS_IS, "numbers": list(network.settings.numbers), "live_calls": len(calls)})

    async def calls(_: Request) -> Response:
        return as_json({"what": WHAT_THIS_IS, "calls": [summary(call.record) for call in network.calls()]})

    async def one(request: Request) -> Response:
        call = network.call(request.path_params["sid"])
        return as_json({"detail": "there is no such call"}, 404) if call is None else as_json(call.record)

    async def faults(request: Request) -> Response:
        if request.method in ("PUT", "POST"):
            try:
                network.faults.set(msgspec.json.decode(await request.body(), type=Faults))
            except (msgspec.DecodeError, msgspec.ValidationError) as error:
                return as_json({"detail": str(error)}, 422)
        elif request.method == "DELETE":
            network.faults.set(Faults())
        return as_json(network.faults.now)

    return [
        Route("/lab", describe, methods=["GET"]),
        Route("/lab/calls", calls, methods=["GET"]),
        Route("/lab/calls/{sid}", one, methods=["GET"]),
        Route("/lab/faults", faults, methods=["GET", "PUT", "POST", "DELETE"]),
    ]


def as_json(value: object, status: int = 200) -> Response:
    """JSON of a record or of plain values."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")
