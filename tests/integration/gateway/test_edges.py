"""What every answer of the gateway has in common: headers, problem documents, limits, and doors that stay shut."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, WebSocket
from prometheus_client import REGISTRY
from pydantic import BaseModel, SecretStr
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from services.gateway.app import make_app
from shared.errors import Invalid
from shared.web.app import make_app as make_web_app
from shared.web.guards import Public
from tests.gateway_house import PUBLIC, House, call_form, form_headers, gateway, new_call_sid, settings_for

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "strict-transport-security": "max-age=31536000",
}


async def test_every_answer_and_every_error_carries_the_headers(house: House) -> None:
    form = call_form(new_call_sid())
    answers = [
        await house.http.get("/health/live"),
        await house.http.get("/metrics"),
        await house.http.get("/nowhere"),
        await house.http.delete("/health/live"),
        await house.http.get("/api/v1/calls"),
        await house.http.post("/twilio/voice", data=form),
        await house.http.post("/twilio/voice", content=b"a" * 100_000),
        await house.hook("/twilio/voice", form),
    ]
    async with await house.client() as client:
        answers.append(await client.get("/api/v1/calls", params={"limit": "x"}))
        answers.append(await client.get("/api/v1/tickets", headers={"origin": "https://evil.example"}))
    assert [answer.status_code for answer in answers] == [200, 200, 404, 405, 401, 403, 413, 200, 422, 200]
    for answer in answers:
        assert HEADERS.items() <= dict(answer.headers).items(), answer.request.url
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert "set-cookie" not in answer.headers
        assert "server" not in answer.headers
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert len(answer.json()["trace_id"]) == 32


async def test_there_is_no_documentation_for_strangers(house: House) -> None:
    for path in ("/docs", "/redoc", "/openapi.json", "/api/v1/docs", "/api/v1/"):
        assert (await house.http.get(path)).status_code == 404
    assert (await house.http.get("/api/v1/openapi.json")).status_code == 401


async def test_metrics_and_the_report_are_for_operators(database_url: str, redis_url: str) -> None:
    secret = settings_for(database_url, redis_url, metrics_token=SecretStr("scraper"))
    async with gateway(secret) as house:
        for path in ("/metrics", "/health/dependencies"):
            assert (await house.http.get(path)).status_code == 401
            wrong = await house.http.get(path, headers={"authorization": "Bearer other"})
            assert wrong.status_code == 403
            right = await house.http.get(path, headers={"authorization": "Bearer scraper"})
            assert right.status_code in (200, 503)


async def test_without_a_token_metrics_are_for_this_machine_and_not_for_its_proxy(house: House) -> None:
    assert (await house.http.get("/metrics")).status_code == 200
    proxied = await house.http.get("/metrics", headers={"x-forwarded-for": "203.0.113.9"})
    assert proxied.status_code == 403
    transport = httpx.ASGITransport(house.app, client=("203.0.113.9", 40000))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.internal") as stranger:
        assert (await stranger.get("/metrics")).status_code == 403
        assert (await stranger.get("/health/live")).status_code == 200


async def test_requests_are_measured_by_route_and_not_by_address(house: House) -> None:
    async with await house.client() as client:
        await client.get("/api/v1/calls/5c0c6d0e-8f1b-4a57-9f43-0a6d7d1a2f10")
    await house.http.get("/some/stranger/5c0c6d0e")
    labels = {"route": "/api/v1/calls/{call_id}", "method": "GET", "status_class": "4xx"}
    assert (REGISTRY.get_sample_value("callwright_http_seconds_count", labels) or 0) >= 1
    scraped = (await house.http.get("/metrics")).text
    assert "5c0c6d0e" not in scraped
    assert "stranger" not in scraped


async def test_ready_only_while_it_runs(database_url: str, redis_url: str) -> None:
    app = make_app(settings_for(database_url, redis_url))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.internal") as http:
        assert (await http.get("/health/ready")).status_code == 503
        async with app.router.lifespan_context(app):
            assert (await http.get("/health/ready")).status_code == 200
        assert (await http.get("/health/ready")).status_code == 503


class Note(BaseModel):
    """A body for the forgotten routes."""

    password: int


@asynccontextmanager
async def no_lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


def careless_app() -> FastAPI:
    """An app whose author forgot to declare."""
    app = make_web_app("careless", no_lifespan)

    @app.get("/forgotten")
    async def forgotten() -> dict[str, str]:
        return {"secret": "everything"}

    @app.websocket("/forgotten-socket")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("everything")

    @app.get("/broken", dependencies=[Depends(Public("a test"))])
    async def broken() -> None:
        raise RuntimeError("the password is hunter2")

    @app.get("/wrong", dependencies=[Depends(Public("a test"))])
    async def wrong() -> None:
        raise Invalid("say it differently")

    @app.post("/note", dependencies=[Depends(Public("a test"))])
    async def note(note: Note, number: Annotated[int, Depends(lambda: 1)]) -> int:
        return note.password + number

    sub = FastAPI()
    sub.get("/inside")(forgotten)
    app.mount("/mounted", sub)
    return app


def test_a_forgotten_declaration_fails_closed() -> None:
    client = TestClient(careless_app())
    for path in ("/forgotten", "/mounted/inside", "/mounted/docs", "/mounted/openapi.json"):
        answered = client.get(path)
        assert answered.status_code == 500, path
        assert answered.content == b""
    with pytest.raises(WebSocketDisconnect) as closed, client.websocket_connect("/forgotten-socket"):
        pass
    assert closed.value.code == 1008


def test_an_unforeseen_error_is_a_problem_document_without_its_reason() -> None:
    answered = TestClient(careless_app()).get("/broken", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    assert answered.status_code == 500
    assert HEADERS.items() <= dict(answered.headers).items()
    assert answered.headers["content-type"] == "application/problem+json"
    assert answered.json()["trace_id"] == "a" * 32
    assert "hunter2" not in answered.text


def test_errors_repeat_nothing_of_the_input() -> None:
    client = TestClient(careless_app())
    for answered in (
        client.post("/note", json={"password": "hunter2"}),
        client.post("/note", json={"hunter2 ": 1, "x" * 200: 2}),
        client.post("/note", content='{"password": hunter2}', headers={"content-type": "application/json"}),
    ):
        assert answered.status_code == 422
        assert "hunter2" not in answered.text
        assert "xxx" not in answered.text
    assert client.get("/wrong").json()["detail"] == "say it differently"


async def test_a_body_in_pieces_is_stopped_at_the_limit(house: House) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"a" * 64 * 1024

    async with await house.client() as client:
        answered = await client.post("/api/v1/agents", content=pieces(), headers={"content-type": "application/json"})
    assert answered.status_code == 413
    assert answered.headers["content-type"] == "application/problem+json"


async def test_the_trace_of_a_call_goes_through_all_its_webhooks(house: House) -> None:
    await house.agent("+18005550101")
    call_sid = new_call_sid()
    form = call_form(call_sid)
    headers = {**form_headers(f"{PUBLIC}/twilio/voice", form), "traceparent": f"00-{'c' * 32}-{'d' * 16}-01"}
    await house.http.post("/twilio/voice", data=form, headers=headers)
    assert (await house.conversation(call_sid)).trace_id == "c" * 32
