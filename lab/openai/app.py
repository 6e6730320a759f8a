"""Assembles the stand-in."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping

import orjson
from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from lab.openai import catalogue, embedding, refusals
from lab.openai.chat import Chat
from lab.openai.faults import OpenAIFault, OpenAIFaultSetting
from lab.openai.refusals import Refused
from lab.openai.speech import Speech
from lab.openai.stand_in import Asked, StandIn
from lab.wire.connection import client_gone, hang_up
from lab.wire.faults import control_routes

BODY_LIMIT = 32 * 1024 * 1024
NOTICE = "This is the lab's stand-in for OpenAI: rules, no language model.\n"
REFUSALS: Mapping[OpenAIFault, Callable[[str], Refused]] = {
    OpenAIFault.WRONG_KEY: lambda _: refusals.wrong_key("sk-lab-0000001234"),
    OpenAIFault.RATE_LIMITED: refusals.rate_limited,
    OpenAIFault.SLOW_DOWN: lambda _: refusals.slow_down(),
    OpenAIFault.OUT_OF_CREDIT: lambda _: refusals.out_of_credit(),
    OpenAIFault.OVERLOADED: lambda _: refusals.overloaded(),
    OpenAIFault.SERVER_ERROR: lambda _: refusals.server_error(),
    OpenAIFault.MODEL_NOT_FOUND: refusals.no_such_model,
    OpenAIFault.CONTEXT_TOO_LONG: refusals.context_too_long,
}


def make_app(stand_in: StandIn | None = None) -> Starlette:
    """OpenAI's chat completions, embeddings, speech and models, and the lab's control routes.

    Serve it with `lab.wire.serving`, or the faults that cut connections cannot work.
    """
    held = stand_in or StandIn()

    async def list_requests(request: Request) -> JSONResponse:  # noqa: ARG001
        rows = [{"path": asked.path, "status": asked.status, "body": asked.body} for asked in held.asked]
        return JSONResponse({"requests": rows})

    async def front(request: Request) -> Response:  # noqa: ARG001
        return PlainTextResponse(NOTICE)

    api = _Api(held)
    return Starlette(
        routes=[
            *control_routes(held.faults, OpenAIFaultSetting),
            Route("/lab/requests", list_requests),
            Route("/", front),
            Route("/{path:path}", api, methods=["GET", "POST", "PUT", "DELETE", "PATCH"]),
        ],
        middleware=[Middleware(RequestBodyLimitMiddleware, max_body_size=BODY_LIMIT)],
    )


class _Api:
    """`/v1`, as an ASGI application."""

    def __init__(self, stand_in: StandIn) -> None:
        self._stand_in = stand_in
        self._chat = Chat(stand_in)
        self._speech = Speech(stand_in)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        request = Request(scope, receive)
        raw = await request.body()
        body = _json(raw)
        model = str(body.get("model", "")) if isinstance(body, Mapping) else ""
        where = f"{request.method} {request.url.path} {model}".rstrip()
        if self._stand_in.faults.draw(where, OpenAIFault.REFUSE):
            await hang_up(scope, receive)
            return
        response: Response | None
        try:
            self._refuse(request, where, model)
            response = await self._route(request, body, where)
        except Refused as refused:
            response = JSONResponse(refused.body(), refused.status, refused.headers)
        self._stand_in.asked.append(Asked(request.url.path, response.status_code if response else 0, body))
        if response is not None:
            self._add_headers(response, began)
            await response(scope, receive, send)

    def _refuse(self, request: Request, where: str, model: str) -> None:
        fault = self._stand_in.faults.draw(where, *REFUSALS)
        if fault is not None:
            raise REFUSALS[fault.kind](model)
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise refusals.no_key()
        wanted = self._stand_in.settings.api_key
        if wanted is not None and not secrets.compare_digest(key.encode(), wanted.encode()):
            raise refusals.wrong_key(key)

    async def _route(self, request: Request, body: JsonValue, where: str) -> Response | None:
        match request.method, request.url.path:
            case "POST", "/v1/chat/completions":
                return await self._chat.answer(request, body, where)
            case "POST", "/v1/audio/speech":
                return await self._speech.answer(request, body, where)
            case "POST", "/v1/embeddings":
                return await self._embeddings(request, body, where)
            case "GET", "/v1/models":
                models = catalogue.served(self._stand_in.clock.now().date())
                return JSONResponse({"object": "list", "data": [catalogue.entry(model) for model in models]})
            case "GET", path if path.startswith("/v1/models/"):
                return self._model(path.removeprefix("/v1/models/"))
            case method, path:
                raise refusals.no_such_address(method, path)

    def _model(self, name: str) -> Response:
        for model in catalogue.served(self._stand_in.clock.now().date()):
            if model.id == name:
                return JSONResponse(catalogue.entry(model))
        raise refusals.no_such_model(name)

    async def _embeddings(self, request: Request, body: JsonValue, where: str) -> Response | None:
        asked = embedding.read(body)
        model = catalogue.embedding_model(asked.model, self._stand_in.clock.now().date())
        embedding.check(asked, model)
        slow = self._stand_in.faults.draw(where, OpenAIFault.SLOW)
        await asyncio.sleep(self._stand_in.settings.embedding_s + (slow.seconds if slow is not None else 0.0))
        if self._stand_in.faults.draw(where, OpenAIFault.HANG):
            await client_gone(request.receive)
            return None
        if self._stand_in.faults.draw(where, OpenAIFault.GARBAGE_JSON):
            return Response(b'{"object": "list", "data": [{', media_type="application/json")
        return Response(orjson.dumps(embedding.answer(asked, model)), media_type="application/json")

    def _add_headers(self, response: Response, began: float) -> None:
        response.headers["x-request-id"] = f"req_{secrets.token_hex(8)}"
        response.headers["openai-processing-ms"] = str(int((time.perf_counter() - began) * 1000))
        for name, value in LIMITS.items():
            response.headers.setdefault(name, value)


LIMITS = {
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-limit-tokens": "2000000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-remaining-tokens": "1999000",
    "x-ratelimit-reset-requests": "6ms",
    "x-ratelimit-reset-tokens": "30ms",
}
"""Shown on every answer; this stand-in limits only by fault."""


def _json(raw: bytes) -> JsonValue:
    """The body, or None when it is no JSON."""
    try:
        parsed: JsonValue = orjson.loads(raw) if raw else None
    except orjson.JSONDecodeError:
        return None
    return parsed
