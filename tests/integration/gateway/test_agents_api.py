"""`/api/v1/agents`: profiles that a call can live with, numbers that belong to one agent."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from shared.security.api_keys import Scope
from tests.gateway_house import House, call_form, new_call_sid, verbs

PROFILE = {"name": "Support line", "company": "Fernway Internet", "greeting": "Welcome to Fernway."}
NUMBER, OTHER = "+18005550101", "+18005550102"


@pytest.fixture
async def client(house: House) -> httpx.AsyncClient:
    return await house.client(Scope.AGENTS_READ, Scope.AGENTS_WRITE)


async def create(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answered = await client.post("/api/v1/agents", json={**PROFILE, **fields})
    assert answered.status_code == 201, answered.text
    found: dict[str, Any] = answered.json()
    return found


async def test_an_agent_is_created_read_changed_and_answers_calls(house: House, client: httpx.AsyncClient) -> None:
    made = await create(client, numbers=["+1 (800) 555-0101", OTHER], transfer_number="+1 800 555 0199")
    assert made["numbers"] == [NUMBER, OTHER]
    assert made["transfer_number"] == "+18005550199"
    assert made["tools"] == ["search_knowledge", "open_ticket", "end_call"]
    path = f"/api/v1/agents/{made['id']}"
    assert (await client.get(path)).json() == made
    changed = (await client.patch(path, json={"tone": "calm", "transfer_number": None, "numbers": [OTHER]})).json()
    assert (changed["tone"], changed["transfer_number"], changed["numbers"]) == ("calm", None, [OTHER])
    assert changed["greeting"] == made["greeting"]
    assert changed["updated_at"] > made["updated_at"]
    page = (await client.get("/api/v1/agents")).json()
    assert (page["total"], page["agents"]) == (1, [changed])
    await house.agent(NUMBER)
    assert verbs(await house.hook("/twilio/voice", call_form(new_call_sid(), To=OTHER))) == ["Connect", "Redirect"]


async def test_a_deleted_agent_answers_no_more_and_frees_its_numbers(house: House, client: httpx.AsyncClient) -> None:
    made = await create(client, numbers=[NUMBER])
    path = f"/api/v1/agents/{made['id']}"
    assert (await client.delete(path)).status_code == 204
    assert (await client.delete(path)).status_code == 204
    left = (await client.get(path)).json()
    assert (left["is_active"], left["numbers"]) == (False, [])
    assert (await client.get("/api/v1/agents", params={"active": "true"})).json()["total"] == 0
    assert verbs(await house.hook("/twilio/voice", call_form(new_call_sid()))) == ["Say", "Hangup"]
    await create(client, name="Another", numbers=[NUMBER])


async def test_names_and_numbers_belong_to_one_agent(client: httpx.AsyncClient) -> None:
    await create(client, numbers=[NUMBER])
    taken_name = await client.post("/api/v1/agents", json=PROFILE)
    assert (taken_name.status_code, taken_name.json()["detail"]) == (409, "another agent has this name")
    taken_number = await client.post("/api/v1/agents", json={**PROFILE, "name": "Two", "numbers": [OTHER, NUMBER]})
    assert taken_number.status_code == 409
    assert taken_number.json()["detail"] == "another agent answers one of these numbers"
    assert (await client.get("/api/v1/agents")).json()["total"] == 1
    second = await create(client, name="Two", numbers=[OTHER])
    stolen = await client.patch(f"/api/v1/agents/{second['id']}", json={"numbers": [NUMBER]})
    assert stolen.status_code == 409
    assert (await client.get(f"/api/v1/agents/{second['id']}")).json()["numbers"] == [OTHER]


async def test_of_ten_agents_for_one_number_one_gets_it(client: httpx.AsyncClient) -> None:
    bodies = [{**PROFILE, "name": f"agent {index}", "numbers": [NUMBER]} for index in range(10)]
    answers = await asyncio.gather(*(client.post("/api/v1/agents", json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9


async def test_a_transfer_never_leads_back_to_an_agent(client: httpx.AsyncClient) -> None:
    own = await client.post("/api/v1/agents", json={**PROFILE, "numbers": [NUMBER], "transfer_number": NUMBER})
    assert own.status_code == 422
    first = await create(client, numbers=[NUMBER], transfer_number="+18005550199")
    to_first = await client.post("/api/v1/agents", json={**PROFILE, "name": "Two", "transfer_number": NUMBER})
    assert to_first.status_code == 409
    takes_target = await client.patch(f"/api/v1/agents/{first['id']}", json={"numbers": ["+18005550199"]})
    assert takes_target.status_code == 422
    other_takes = await client.post("/api/v1/agents", json={**PROFILE, "name": "Two", "numbers": ["+18005550199"]})
    assert other_takes.status_code == 409


async def test_a_refused_profile_is_not_repeated_and_changes_nothing(client: httpx.AsyncClient) -> None:
    made = await create(client)
    path = f"/api/v1/agents/{made['id']}"
    for wrong in (
        {"instructions": "the key is sk-abcdefghijklmnopqrstuvwx"},
        {"sk-abcdefghijklmnopqrstuvwx": "x", "hunter2 and more": "y"},
        {"voice": "aura-2-hunter-en", "language": "de"},
        {"transfer_number": "+19005551234"},
    ):
        for answered in (
            await client.post("/api/v1/agents", json={**PROFILE, "name": "Two", **wrong}),
            await client.patch(path, json=wrong),
        ):
            assert answered.status_code == 422
            assert answered.headers["content-type"] == "application/problem+json"
            for typed in ("sk-abc", "hunter", "1900555"):
                assert typed not in answered.text
    assert (await client.get("/api/v1/agents")).json()["agents"] == [made]


async def test_a_body_that_says_nothing(client: httpx.AsyncClient) -> None:
    made = await create(client)
    for body in (b"", b"{}", b"[]", b"null", b'{"name": "\\ud800"}', b"{", b"\xff", b"[" * 100_000):
        for method, path in (("POST", "/api/v1/agents"), ("PATCH", f"/api/v1/agents/{made['id']}")):
            answered = await client.request(method, path, content=body, headers={"content-type": "application/json"})
            assert answered.status_code in (400, 422), body[:20]
            assert answered.headers["content-type"] == "application/problem+json"


async def test_agents_that_are_not_there(client: httpx.AsyncClient) -> None:
    path = f"/api/v1/agents/{uuid4()}"
    assert (await client.get(path)).status_code == 404
    assert (await client.patch(path, json={"tone": "calm"})).status_code == 404
    assert (await client.delete(path)).status_code == 404


async def test_reading_does_not_allow_writing(house: House) -> None:
    async with await house.client(Scope.AGENTS_READ) as reader:
        assert (await reader.get("/api/v1/agents")).status_code == 200
        assert (await reader.post("/api/v1/agents", json=PROFILE)).status_code == 403


async def test_the_commit_is_done_when_the_answer_comes(house: House, client: httpx.AsyncClient) -> None:
    """With FastAPI's default scope the answer would overtake the commit; each read is a connection of its own."""
    for index in range(20):
        made = await create(client, name=f"agent {index}")
        async with house.wiring.engine.connect() as connection:
            found = await connection.exec_driver_sql("SELECT count(*) FROM agents WHERE id = %s", (made["id"],))
            assert found.scalar() == 1
