"""`/api/v1/calls`: lists, filters, pages, and one call with its words for those who may read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event

from shared.contracts.conversations import Outcome
from shared.contracts.tickets import TicketState
from shared.database.models import Call, Conversation, Ticket, Turn
from shared.security.api_keys import Scope
from tests.gateway_house import CALLER, OUR_NUMBER, House, new_call_sid

BEGAN = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


async def a_call(house: House, agent_id: UUID, minutes: int = 0, **conversation: Any) -> Call:
    """A call that began `minutes` after eight."""
    began = BEGAN + timedelta(minutes=minutes)
    call = Call(
        call_sid=new_call_sid(),
        direction="inbound",
        from_number=CALLER,
        to_number=OUR_NUMBER,
        stream_issued_at=began,
        conversation=Conversation(
            agent_id=agent_id, channel="phone", language="en", trace_id="0" * 32, started_at=began, **conversation
        ),
    )
    async with house.wiring.sessions.begin() as session:
        session.add(call)
    return call


def a_turn(conversation_id: UUID, number: int, speaker: str, **fields: Any) -> Turn:
    at = BEGAN + timedelta(seconds=number)
    values = {"text": f"words {number}", "heard": f"heard {number}", "phase": "answer", **fields}
    return Turn(conversation_id=conversation_id, number=number, speaker=speaker, started_at=at, ended_at=at, **values)


async def listed(house: House, **query: Any) -> dict[str, Any]:
    async with await house.client(Scope.CALLS_READ) as client:
        answered = await client.get("/api/v1/calls", params=query)
    assert answered.status_code == 200, answered.text
    found: dict[str, Any] = answered.json()
    return found


async def test_calls_are_listed_newest_first_in_pages(house: House) -> None:
    agent_id = await house.agent(name="Support")
    made = [await a_call(house, agent_id, minutes) for minutes in range(5)]
    newest_first = [str(call.id) for call in reversed(made)]
    first = await listed(house, limit=2)
    second = await listed(house, limit=2, offset=2)
    last = await listed(house, limit=2, offset=4)
    assert [call["id"] for page in (first, second, last) for call in page["calls"]] == newest_first
    assert {page["total"] for page in (first, second, last)} == {5}
    assert first["calls"][0]["agent_name"] == "Support"
    assert first["calls"][0]["ticket"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"outcome": "answered"}, {1}),
        ({"open": "true"}, {0, 2}),
        ({"open": "false"}, {1}),
        ({"channel": "phone"}, {0, 1, 2}),
        ({"started_from": "2026-11-20T08:01:00Z"}, {1, 2}),
        ({"started_to": "2026-11-20T09:01:00+01:00"}, {0}),
        ({"started_from": "2026-11-20T08:01:00Z", "started_to": "2026-11-20T08:02:00Z"}, {1}),
        ({"outcome": "transferred"}, set()),
    ],
)
async def test_filters(house: House, query: dict[str, str], expected: set[int]) -> None:
    agent_id = await house.agent()
    closed = {"closed_at": BEGAN, "outcome": Outcome.ANSWERED}
    made = [await a_call(house, agent_id), await a_call(house, agent_id, 1, **closed), await a_call(house, agent_id, 2)]
    found = await listed(house, **query)
    assert {call["id"] for call in found["calls"]} == {str(made[index].id) for index in expected}
    assert found["total"] == len(expected)


async def test_filters_by_agent_and_by_twilios_name(house: House) -> None:
    one, other = await house.agent(), await house.agent()
    call = await a_call(house, one)
    await a_call(house, other)
    assert [found["id"] for found in (await listed(house, agent_id=str(one)))["calls"]] == [str(call.id)]
    assert [found["id"] for found in (await listed(house, call_sid=call.call_sid))["calls"]] == [str(call.id)]
    assert (await listed(house, agent_id=str(uuid4())))["total"] == 0


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 101},
        {"offset": -1},
        {"limit": 10**30},
        {"outcome": "hunter2"},
        {"started_from": "2026-11-20T08:00:00"},
        {"agent_id": "hunter2"},
        {"call_sid": "CA'"},
        {"opened": "true"},
        {"open": "perhaps"},
    ],
)
async def test_a_wrong_filter_is_refused_and_not_repeated(house: House, query: dict[str, Any]) -> None:
    async with await house.client() as client:
        answered = await client.get("/api/v1/calls", params=query)
    assert answered.status_code == 422
    assert answered.headers["content-type"] == "application/problem+json"
    assert "hunter2" not in answered.text
    assert answered.json()["errors"][0]["where"].startswith("query.")


async def a_whole_call(house: House) -> Call:
    call = await a_call(
        house, await house.agent(), email="jane@example.com", email_confirmed=True, caller_name="Jane", closed_at=BEGAN
    )
    source = {"article_id": str(uuid4()), "title": "Restart", "url": None, "score": 0.8, "locale": "en"}
    turns = [
        a_turn(call.conversation_id, 2, "assistant", origin="model", sources=[source], stages_ms={"answer": 512.5}),
        a_turn(call.conversation_id, 1, "caller"),
    ]
    ticket = Ticket(
        conversation_id=call.conversation_id,
        marker="call-1",
        state=TicketState.OPEN,
        case_id=42,
        case_url="https://x/42",
    )
    async with house.wiring.sessions.begin() as session:
        session.add_all([*turns, ticket])
    return call


async def test_one_call_with_its_turns_stages_sources_and_ticket(house: House) -> None:
    call = await a_whole_call(house)
    async with await house.client(Scope.CALLS_READ, Scope.TRANSCRIPTS_READ) as client:
        found = (await client.get(f"/api/v1/calls/{call.id}")).json()
    assert [turn["number"] for turn in found["turns"]] == [1, 2]
    assert [turn["text"] for turn in found["turns"]] == ["words 1", "words 2"]
    answer = found["turns"][1]
    assert (answer["heard"], answer["stages_ms"], answer["origin"]) == ("heard 2", {"answer": 512.5}, "model")
    assert answer["sources"][0]["title"] == "Restart"
    assert (found["email"], found["caller_name"], found["transcript_included"]) == ("jane@example.com", "Jane", True)
    assert found["ticket"]["case_id"] == 42


async def test_words_and_contact_data_need_a_scope_of_their_own(house: House) -> None:
    call = await a_whole_call(house)
    async with await house.client(Scope.CALLS_READ) as client:
        answered = await client.get(f"/api/v1/calls/{call.id}")
    found = answered.json()
    assert found["transcript_included"] is False
    assert [(turn["text"], turn["heard"]) for turn in found["turns"]] == [(None, None), (None, None)]
    assert (found["email"], found["caller_name"]) == (None, None)
    for secret in ("words", "heard 1", "jane@", "Jane"):
        assert secret not in answered.text


async def test_a_call_that_is_not_there(house: House) -> None:
    async with await house.client() as client:
        assert (await client.get(f"/api/v1/calls/{uuid4()}")).status_code == 404
        assert (await client.get("/api/v1/calls/CA123")).status_code == 422


async def test_a_longer_page_needs_no_more_queries(house: House) -> None:
    agent_id = await house.agent()
    statements: list[str] = []
    event.listen(house.wiring.engine.sync_engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    counts = []
    for _ in range(3):
        await a_call(house, agent_id)
        async with await house.client() as client:
            await client.get("/api/v1/calls")
            statements.clear()
            assert (await client.get("/api/v1/calls")).status_code == 200
            counts.append(len(statements))
    assert len(set(counts)) == 1
    assert counts[0] <= 6
