"""The ticketing service: its tickets for other rooms, and its health."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr

from lab.kayako.desk import EMAIL, PASSWORD
from lab.kayako.faults import KayakoFault
from services.ticketing.app import make_app
from services.ticketing.settings import TicketingSettings
from shared.contracts.tickets import TicketPage, TicketState
from shared.security.purpose_tokens import Purpose, TokenSigner
from tests.integration.ticketing.conftest import Room
from tests.lab_kayako import LabKayako

KEY = base64.b64encode(b"signing key of 32 bytes, a test!").decode()


def token(room: str = "ticketing") -> dict[str, str]:
    issued = TokenSigner(KEY).issue(Purpose.SERVICE, "gateway", secrets.token_hex(8), datetime.now(UTC), room=room)
    return {"authorization": f"Bearer {issued}"}


@pytest.fixture
async def service(database_url: str, kayako: LabKayako) -> AsyncIterator[httpx.AsyncClient]:
    settings = TicketingSettings(
        database_url=SecretStr(database_url),
        signing_key=SecretStr(KEY),
        api_key_pepper=SecretStr("a pepper of the tests"),
        kayako_url=kayako.address,
        kayako_email=EMAIL,
        kayako_password=SecretStr(PASSWORD),
    )
    app = make_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ticketing.internal") as client,
    ):
        yield client


async def test_tickets_are_listed_newest_first(service: httpx.AsyncClient, room: Room) -> None:
    ticket_ids = [room.planned() for _ in range(3)]
    room.open(ticket_ids[0])
    page = TicketPage.model_validate_json((await service.get("/tickets", headers=token())).content)
    assert [ticket.id for ticket in page.tickets] == ticket_ids[::-1]
    assert page.total == 3
    opened = await service.get("/tickets", params={"state": "open"}, headers=token())
    (ticket,) = TicketPage.model_validate_json(opened.content).tickets
    assert (ticket.id, ticket.state, ticket.parked_reason) == (ticket_ids[0], TicketState.OPEN, None)
    assert ticket.case_url is not None
    assert ticket.case_url.endswith(f"/agent/conversations/{ticket.case_id}")
    second = await service.get("/tickets", params={"limit": 1, "offset": 1}, headers=token())
    assert [ticket.id for ticket in TicketPage.model_validate_json(second.content).tickets] == [ticket_ids[1]]
    of_one = {"conversation_id": str(room.ticket(ticket_ids[2]).conversation_id)}
    one = await service.get("/tickets", params=of_one, headers=token())
    assert [ticket.id for ticket in TicketPage.model_validate_json(one.content).tickets] == [ticket_ids[2]]


async def test_one_ticket_is_read(service: httpx.AsyncClient, room: Room) -> None:
    ticket_id = room.planned()
    found = await service.get(f"/tickets/{ticket_id}", headers=token())
    assert found.json()["id"] == str(ticket_id)
    missing = await service.get(f"/tickets/{uuid4()}", headers=token())
    assert (missing.status_code, missing.json()["title"]) == (404, "Not found")
    wrong = await service.get("/tickets/nothing", headers=token())
    assert wrong.status_code == 422


@pytest.mark.parametrize("path", ["/tickets", f"/tickets/{UUID(int=1)}"])
async def test_only_rooms_may_ask(service: httpx.AsyncClient, path: str) -> None:
    assert (await service.get(path)).status_code == 401
    assert (await service.get(path, headers=token("knowledge"))).status_code == 401
    assert (await service.get("/tickets", params={"nothing": "x"}, headers=token())).status_code == 422


async def test_its_health_asks_the_database_and_kayako(service: httpx.AsyncClient, kayako: LabKayako) -> None:
    assert (await service.get("/health/ready")).status_code == 200
    report = await service.get("/health/dependencies")
    assert report.status_code == 200
    assert {name: part["ok"] for name, part in report.json().items()} == {
        "database": True,
        "kayako": True,
        "log": True,
        "disk": True,
    }
    kayako.fail(KayakoFault.HTML_ERROR)
    sick = await service.get("/health/dependencies")
    assert sick.status_code == 503
    assert sick.json()["kayako"] == {"ok": False, "error": "KayakoUnavailable"}
    assert (await service.get("/health/ready")).status_code == 200, "a help desk that is away empties no service"
