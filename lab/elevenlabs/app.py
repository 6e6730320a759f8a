"""The stand-in's web application."""

from __future__ import annotations

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from lab.elevenlabs.faults import Faults
from lab.elevenlabs.multi import MultiSession
from lab.elevenlabs.rest import speaking
from lab.elevenlabs.session import serve
from lab.elevenlabs.single import SingleSession
from lab.elevenlabs.state import ElevenLabs

WHAT_THIS_IS = "The phone lab's stand-in for ElevenLabs. It speaks lab speech only; it is not ElevenLabs."
VOICE = "/v1/text-to-speech/{voice_id}"


def make_app(lab: ElevenLabs) -> Starlette:
    """The sockets and requests as the vendor serves them, and the lab's own control under `/lab`."""

    async def single(socket: WebSocket) -> None:
        await serve(socket, lab, SingleSession)

    async def multi(socket: WebSocket) -> None:
        await serve(socket, lab, MultiSession)

    async def describe(_: Request) -> Response:
        return JSONResponse({"what": WHAT_THIS_IS, "counts": dict(lab.counts)})

    async def faults(request: Request) -> Response:
        if request.method in ("PUT", "POST"):
            try:
                lab.faults.set(msgspec.json.decode(await request.body(), type=Faults))
            except (msgspec.DecodeError, msgspec.ValidationError) as error:
                return JSONResponse({"detail": str(error)}, 422)
        elif request.method == "DELETE":
            lab.faults.set(Faults())
        return Response(msgspec.json.encode(lab.faults.now), media_type="application/json")

    speak = speaking(lab)
    return Starlette(
        routes=[
            WebSocketRoute(f"{VOICE}/stream-input", single),
            WebSocketRoute(f"{VOICE}/multi-stream-input", multi),
            Route(f"{VOICE}/stream", speak, methods=["POST"]),
            Route(VOICE, speak, methods=["POST"]),
            Route("/lab", describe, methods=["GET"]),
            Route("/lab/faults", faults, methods=["GET", "PUT", "POST", "DELETE"]),
        ]
    )
