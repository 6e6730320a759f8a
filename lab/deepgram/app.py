"""The stand-in's web application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from lab.deepgram import flux, listen, rest, speak, speak_options
from lab.deepgram.control import control_routes
from lab.deepgram.refusals import Refused
from lab.deepgram.sockets import Left
from lab.deepgram.speak_flux import FluxSpeakSession
from lab.deepgram.state import Deepgram

CLIENT_GONE = 499


def make_app(lab: Deepgram) -> Starlette:
    """What hears, speaks and grants tokens as the vendor serves it, and the lab's own control under `/lab`."""

    async def listening(socket: WebSocket) -> None:
        await listen.listen(socket, lab)

    async def taking_turns(socket: WebSocket) -> None:
        await flux.listen(socket, lab)

    async def speaking(socket: WebSocket) -> None:
        await speak.speak(socket, lab, speak_options.read_for_socket, speak.SpeakSession)

    async def speaking_flux(socket: WebSocket) -> None:
        await speak.speak(socket, lab, speak_options.read_flux, FluxSpeakSession)

    return Starlette(
        routes=[
            WebSocketRoute("/v1/listen", listening),
            WebSocketRoute("/v2/listen", taking_turns),
            WebSocketRoute("/v1/speak", speaking),
            WebSocketRoute("/v2/speak", speaking_flux),
            Route("/v1/listen", _answering(rest.transcribe, lab), methods=["POST"]),
            Route("/v1/speak", _answering(rest.speak, lab), methods=["POST"]),
            Route("/v1/auth/grant", _answering(rest.grant, lab), methods=["POST"]),
            *control_routes(lab),
        ]
    )


def _answering(
    serve: Callable[[Request, Deepgram, str], Awaitable[Response]], lab: Deepgram
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that answers refusals in the vendor's form."""

    async def answer(request: Request) -> Response:
        request_id = lab.new_request_id()
        try:
            return await serve(request, lab, request_id)
        except Refused as refusal:
            lab.counts[f"rest_refused:{refusal.status}"] += 1
            return refusal.response(request_id)
        except Left:
            return Response(status_code=CLIENT_GONE)

    return answer
