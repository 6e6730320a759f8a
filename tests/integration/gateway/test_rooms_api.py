"""`/api/v1/tickets` and `/api/v1/knowledge`: passed on to the rooms that know, with their refusals and outages."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import httpx
import pytest

from services.gateway.api.knowledge import SEARCHABLE_WITHIN_S, UPLOAD_LIMIT
from shared.contracts.tickets import TicketState
from shared.errors import CallwrightError, Conflict, Forbidden, Invalid, TooLarge, Transient
from shared.security.api_keys import Scope
from tests.gateway_house import House, gateway, settings_for
from tests.gateway_rooms import Rooms, a_ticket, an_article
from tests.waiting import wait_for_async


@pytest.fixture
async def client(house: House) -> httpx.AsyncClient:
    return await house.client()


async def test_tickets_are_asked_of_the_ticketing_room(client: httpx.AsyncClient, rooms: Rooms) -> None:
    ticket = a_ticket(state=TicketState.PARKED, parked_reason="the team does not exist")
    rooms.tickets[ticket.id] = ticket
    page = (await client.get("/api/v1/tickets", params={"state": "parked", "limit": 5})).json()
    assert page == {"tickets": [ticket.model_dump(mode="json")], "total": 1}
    assert rooms.asked[-1] == "GET /tickets?limit=5&offset=0&state=parked"
    assert (await client.get(f"/api/v1/tickets/{ticket.id}")).json()["parked_reason"] == "the team does not exist"
    missing = await client.get(f"/api/v1/tickets/{uuid4()}")
    assert (missing.status_code, missing.json()["detail"]) == (404, "there is no such ticket")


async def test_articles_are_asked_of_the_knowledge_room(client: httpx.AsyncClient, rooms: Rooms) -> None:
    article = an_article()
    rooms.articles[article.id] = article
    page = (await client.get("/api/v1/knowledge/articles", params={"collection": "default"})).json()
    assert page["articles"] == [article.model_dump(mode="json")]
    assert rooms.asked[-1] == "GET /articles?limit=50&offset=0&collection=default"
    path = f"/api/v1/knowledge/articles/{article.id}"
    assert (await client.get(path)).status_code == 200
    assert (await client.delete(path)).status_code == 204
    assert (await client.delete(path)).status_code == 404
    assert (await client.post("/api/v1/knowledge/sync", params={"collection": "manuals"})).status_code == 202
    assert rooms.asked[-1] == "POST /sync?collection=manuals"


async def test_a_search_is_passed_on(client: httpx.AsyncClient) -> None:
    answered = await client.post("/api/v1/knowledge/search", json={"collection": "default", "query": "my router"})
    assert answered.json()["passages"][0]["title"] == "my router"
    for wrong in ({"collection": "default"}, {"collection": "default", "query": ""}, {"collection": "X", "query": "y"}):
        assert (await client.post("/api/v1/knowledge/search", json=wrong)).status_code == 422


async def test_an_upload_is_passed_on_as_it_is(client: httpx.AsyncClient, rooms: Rooms) -> None:
    content = bytes(range(256)) * 4000
    answered = await client.post(
        "/api/v1/knowledge/articles",
        files={"file": ("router.md", content, "text/markdown")},
        data={"collection": "manuals", "locale": "en-gb"},
    )
    assert answered.status_code == 201
    assert answered.json()["article"]["collection"] == "manuals"
    assert rooms.uploads == [("router.md", "text/markdown", content)]


@pytest.mark.parametrize(
    ("sent", "passed_on"),
    [("../../etc/passwd.md", "passwd.md"), ("C:\\docs\\a.md", "a.md"), ('a"b\r\n.md', None), ("ü é.md", "ü é.md")],
)
async def test_a_file_name_is_only_a_name(
    client: httpx.AsyncClient, rooms: Rooms, sent: str, passed_on: str | None
) -> None:
    answered = await client.post("/api/v1/knowledge/articles", files={"file": (sent, b"# Text")})
    assert answered.status_code == 201
    name = rooms.uploads[0][0]
    assert name == passed_on if passed_on else "/" not in name


async def test_an_upload_can_wait_until_its_text_is_found(client: httpx.AsyncClient, rooms: Rooms) -> None:
    rooms.looks_until_searchable = 2
    files = {"file": ("router.md", b"# Router")}
    at_once = await client.post("/api/v1/knowledge/articles", files=files)
    assert at_once.json()["article"]["searchable"] is False
    waited = await client.post("/api/v1/knowledge/articles", params={"wait": "true"}, files=files)
    assert waited.json()["article"]["searchable"] is True


async def test_an_upload_does_not_wait_for_ever(client: httpx.AsyncClient, rooms: Rooms, house: House) -> None:
    rooms.looks_until_searchable = 10**6
    files = {"file": ("router.md", b"# Router")}
    waiting = asyncio.create_task(client.post("/api/v1/knowledge/articles", params={"wait": "true"}, files=files))

    async def looked() -> bool:
        return any(asked.startswith("GET /articles/") for asked in rooms.asked)

    await wait_for_async(looked, 5, "the gateway looks whether the text is searchable")
    house.clock.passed += SEARCHABLE_WITHIN_S
    answered = await waiting
    assert answered.status_code == 201
    assert answered.json()["article"]["searchable"] is False


async def test_an_upload_has_a_limit(client: httpx.AsyncClient, rooms: Rooms) -> None:
    for size in (UPLOAD_LIMIT + 1, UPLOAD_LIMIT + 200_000):
        answered = await client.post("/api/v1/knowledge/articles", files={"file": ("big.md", b"a" * size)})
        assert answered.status_code == 413
        assert answered.headers["content-type"] == "application/problem+json"
    assert rooms.uploads == []
    fits = await client.post("/api/v1/knowledge/articles", files={"file": ("big.md", b"a" * UPLOAD_LIMIT)})
    assert fits.status_code == 201


@pytest.mark.parametrize(
    "request_parts",
    [
        {"data": {"collection": "default"}},
        {"files": {"file": ("", b"x")}},
        {"files": {"file": ("a.md", b"x")}, "data": {"collection": "Not A Name"}},
        {"files": {"file": ("a.md", b"x")}, "data": {"locale": "../"}},
        {"content": b"no form", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"json": {"file": "x"}},
    ],
    ids=str,
)
async def test_what_is_no_upload(client: httpx.AsyncClient, rooms: Rooms, request_parts: dict[str, object]) -> None:
    answered = await client.post("/api/v1/knowledge/articles", **request_parts)  # type: ignore[arg-type]
    assert answered.status_code in (400, 422)
    assert answered.headers["content-type"] == "application/problem+json"
    assert rooms.uploads == []


@pytest.mark.parametrize(
    ("failure", "status", "detail"),
    [
        (Invalid("the file is empty"), 422, "the file is empty"),
        (TooLarge("at most 5 MiB"), 413, "at most 5 MiB"),
        (Conflict("being removed"), 409, "being removed"),
        (Transient("Chroma is away"), 503, "knowledge answered 503"),
        (Forbidden("not for you"), 503, "knowledge answered 403"),
        (CallwrightError("a bug"), 503, "knowledge answered 500"),
    ],
)
async def test_a_refusal_is_passed_on_and_an_outage_is_an_outage(
    client: httpx.AsyncClient, rooms: Rooms, failure: CallwrightError, status: int, detail: str
) -> None:
    rooms.failure = failure
    answered = await client.post("/api/v1/knowledge/articles", files={"file": ("a.md", b"")})
    assert (answered.status_code, answered.json()["detail"]) == (status, detail)
    assert ("retry-after" in answered.headers) == (status == 503)


async def test_a_room_that_is_away_is_an_outage(database_url: str, redis_url: str) -> None:
    async with (
        gateway(settings_for(database_url, redis_url)) as house,
        await house.client(Scope.TICKETS_READ) as client,
    ):
        answered = await client.get("/api/v1/tickets")
        assert answered.status_code == 503
        assert int(answered.headers["retry-after"]) > 0
        assert answered.headers["content-type"] == "application/problem+json"


async def test_the_dependency_report_asks_everybody(house: House) -> None:
    report = (await house.http.get("/health/dependencies")).json()
    assert {name: state["ok"] for name, state in report.items()} == {
        "database": True,
        "redis": True,
        "knowledge": True,
        "ticketing": True,
        "breakers": True,
        "log": True,
        "disk": True,
    }


async def test_the_dependency_report_of_a_lonely_gateway(database_url: str) -> None:
    alone = settings_for(database_url, "redis://127.0.0.1:9/0", voice_url="http://127.0.0.1:9")
    async with gateway(alone) as house:
        answered = await house.http.get("/health/dependencies")
        assert answered.status_code == 503
        states = {name: state["ok"] for name, state in answered.json().items()}
        assert states == {
            "database": True,
            "redis": False,
            "knowledge": False,
            "ticketing": False,
            "voice": False,
            "breakers": True,
            "log": True,
            "disk": True,
        }
        assert (await house.http.get("/health/ready")).status_code == 200
