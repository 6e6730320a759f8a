"""Every route of every web room declares exactly one guard, and no door opens for a stranger."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from fastapi.routing import RouteContext, iter_route_contexts
from pydantic import SecretStr
from starlette.routing import Mount
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from services.gateway.app import make_app as make_gateway
from services.gateway.settings import GatewaySettings
from services.knowledge.app import make_app as make_knowledge
from services.knowledge.settings import KnowledgeServiceSettings
from services.ticketing.app import make_app as make_ticketing
from services.ticketing.settings import TicketingSettings
from services.voice.app import make_app as make_voice
from services.voice.conversations import Conversations
from services.voice.settings import VoiceRoomSettings
from services.voice.wiring import Wiring as VoiceWiring
from shared.clock import SystemClock
from shared.resilience.board import Board
from shared.web.guards import Public
from shared.web.health import Health

SETTINGS = {
    "database_url": SecretStr("postgresql://nobody:none@127.0.0.1:9/none"),
    "redis_url": SecretStr("redis://127.0.0.1:9/0"),
    "chroma_url": "http://127.0.0.1:9",
    "public_url": "https://support.example.com",
    "signing_key": SecretStr(base64.b64encode(b"signing key of 32 bytes, a test!").decode()),
    "api_key_pepper": SecretStr("a pepper of the tests"),
    "twilio_account_sid": "AC" + "0" * 32,
    "twilio_auth_token": SecretStr("token"),
    "deepgram_api_key": SecretStr("key"),
    "knowledge_url": "http://127.0.0.1:9",
    "ticketing_url": "http://127.0.0.1:9",
    "kayako_url": "http://127.0.0.1:9",
    "kayako_email": "robot@example.com",
    "kayako_password": SecretStr("none"),
    "metrics_token": SecretStr("a scraper's token"),
    "knowledge_embeddings": "minilm",
    "knowledge_model_dir": Path("unused"),
}
HEALTH = {
    "/health/live": "public: liveness probe",
    "/health/ready": "public: readiness probe",
    "/health/dependencies": "operator",
    "/metrics": "operator",
}


def gateway() -> FastAPI:
    return make_gateway(GatewaySettings.model_validate(SETTINGS))


def knowledge() -> FastAPI:
    return make_knowledge(KnowledgeServiceSettings.model_validate(SETTINGS))


def ticketing() -> FastAPI:
    return make_ticketing(TicketingSettings.model_validate(SETTINGS))


def voice() -> FastAPI:
    settings, clock = VoiceRoomSettings.model_validate(SETTINGS), SystemClock()
    board = Board("voice", clock, None)
    return make_voice(settings, VoiceWiring(settings, Conversations(settings, clock, board), clock, board), Health())


@dataclass(frozen=True)
class Declared:
    """A route and the guards it declares."""

    path: str
    methods: frozenset[str]
    """Empty for a socket."""
    guards: tuple[str, ...]


def walk(app: FastAPI) -> Iterator[Declared]:
    """Every route with what it declares; `app.routes` itself does not show the routes of included routers.

    Raises AssertionError for a mounted application: it would not inherit what its parent declares.
    """
    for context in iter_route_contexts(app.routes):
        assert not isinstance(context.original_route, Mount), f"{context.path} is mounted"
        yield Declared(
            context.path_format or context.path or "", frozenset(context.methods or ()), tuple(_guards(context))
        )


def _guards(context: RouteContext) -> Iterator[str]:
    for declared in getattr(context, "dependencies", None) or ():
        name = getattr(declared.dependency, "declares", None)
        if isinstance(name, str):
            yield name


@pytest.mark.parametrize(
    ("make", "least", "named"),
    [
        (
            gateway,
            25,
            {
                "/twilio/voice": "twilio: signature",
                "/twilio/status": "twilio: signature",
                "/twilio/recording": "twilio: signature",
                "/twilio/voice/transfer": "twilio: signature",
                "/api/v1/calls/{call_id}": "key: calls:read",
                "/api/v1/calls/outbound": "key: calls:start",
                "/api/v1/calls/{call_id}/put-through": "key: calls:control",
                "/api/v1/tickets": "key: tickets:read",
                "/api/v1/knowledge/search": "key: knowledge:read",
            },
        ),
        (
            knowledge,
            11,
            {
                "/search": "service: knowledge",
                "/lookup": "service: knowledge",
                "/articles/{article_id}": "service: knowledge",
            },
        ),
        (ticketing, 6, {"/tickets": "service: ticketing", "/tickets/{ticket_id}": "service: ticketing"}),
        (
            voice,
            6,
            {"/twilio/media": "twilio: handshake signature", "/twilio/relay": "twilio: handshake signature"},
        ),
    ],
    ids=["gateway", "knowledge", "ticketing", "voice"],
)
async def test_every_route_declares_one_guard_and_refuses_strangers(
    make: Callable[[], FastAPI], least: int, named: dict[str, str]
) -> None:
    app = make()
    routes = list(walk(app))
    assert len(routes) >= least
    assert [route for route in routes if len(route.guards) != 1] == []
    guards = {route.path: route.guards[0] for route in routes}
    assert (HEALTH | named).items() <= guards.items()
    assert {path for path, guard in guards.items() if guard.startswith("public")} == {"/health/live", "/health/ready"}
    transport = httpx.ASGITransport(app, client=("203.0.113.9", 40000))
    async with httpx.AsyncClient(transport=transport, base_url="http://room.internal") as stranger:
        for route in routes:
            for method in route.methods - {"HEAD"}:
                answered = await stranger.request(method, route.path.replace("{", "").replace("}", ""))
                expected = (200, 503) if route.guards[0].startswith("public") else (401, 403)
                assert answered.status_code in expected, (method, route.path)


@pytest.mark.parametrize("path", ["/twilio/media", "/twilio/relay"])
def test_a_socket_refuses_a_stranger(path: str) -> None:
    client = TestClient(voice())
    for headers in ({}, {"x-twilio-signature": "forged"}):
        with (
            pytest.raises((WebSocketDisconnect, WebSocketDenialResponse)),
            client.websocket_connect(path, headers=headers),
        ):
            pass


async def socket(_: WebSocket) -> None:
    """Never reached."""


def test_the_walk_sees_what_is_forgotten() -> None:
    """The walk itself: included routers, routers inside routers, and sockets, declared or not."""
    inner, outer, app = APIRouter(), APIRouter(), FastAPI(openapi_url=None)
    inner.get("/declared", dependencies=[Depends(Public("a test"))])(lambda: None)
    inner.get("/forgotten")(lambda: None)
    inner.add_api_websocket_route("/socket", socket)
    outer.include_router(inner, prefix="/inner")
    app.include_router(outer, prefix="/outer")
    assert {(route.path, route.guards) for route in walk(app)} == {
        ("/outer/inner/declared", ("public: a test",)),
        ("/outer/inner/forgotten", ()),
        ("/outer/inner/socket", ()),
    }
    app.mount("/mounted", FastAPI())
    with pytest.raises(AssertionError, match="mounted"):
        list(walk(app))
