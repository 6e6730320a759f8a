"""The lab's own routes: what the stand-in is and counts, and the faults in force."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.deepgram.faults import Faults
from lab.deepgram.state import Deepgram

WHAT_THIS_IS = "The phone lab's stand-in for Deepgram. It hears and speaks lab speech only; it is not Deepgram."


def control_routes(lab: Deepgram) -> list[Route]:
    """`GET /lab`, and `/lab/faults` to read, replace (PUT or POST) and remove (DELETE) the faults."""

    async def describe(_: Request) -> Response:
        return JSONResponse({"what": WHAT_THIS_IS, "open": lab.open_sockets(), "counts": dict(lab.counts)})

    async def faults(request: Request) -> Response:
        if request.method in ("PUT", "POST"):
            try:
                lab.faults.set(msgspec.json.decode(await request.body(), type=Faults))
            except (msgspec.DecodeError, msgspec.ValidationError) as error:
                return JSONResponse({"detail": str(error)}, 422)
        elif request.method == "DELETE":
            lab.faults.set(Faults())
        return Response(msgspec.json.encode(lab.faults.now), media_type="application/json")

    return [
        Route("/lab", describe, methods=["GET"]),
        Route("/lab/faults", faults, methods=["GET", "PUT", "POST", "DELETE"]),
    ]
