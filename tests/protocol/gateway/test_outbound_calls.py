"""Having somebody called: once per key, whatever is lost; where, how often; and who picks up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import jwt
import phonenumbers
import pytest
from sqlalchemy import select
from starlette.websockets import WebSocket, WebSocketDisconnect

from lab.twilio.faults import Faults, RestFaults, WebhookFaults
from lab.twilio.records import CallRecord
from lab.twilio.settings import Callee
from services.gateway.outbound.destination import Refusal, refusal_of
from shared.contracts.calls import MediaState, NextStep
from shared.contracts.conversations import Outcome
from shared.database.models import ApiKey, OutboundCall, Ticket
from shared.security.api_keys import Scope
from tests.gateway_house import OUR_NUMBER, PERSON, House, call_form, document, gateway, new_call_sid, settings_for
from tests.gateway_telephone import Line, telephone, verbs
from tests.waiting import wait_for_async

CUSTOMER = "+12025550123"
BUSY = "+12025550124"
MACHINE = "+12025550125"
MESSAGE = "Your router has arrived. Does it work?"
GREETING = "You have reached the answering machine of the Smiths. Please speak after the tone."
CALLEES = {
    CUSTOMER: Callee(answers_after_s=1, talks_for_s=6, says="Hello?"),
    BUSY: Callee(answers_after_s=1, outcome="busy"),
    MACHINE: Callee(answers_after_s=1, picks_up="machine", says=GREETING),
    PERSON: Callee(answers_after_s=1, talks_for_s=1),
}


@dataclass
class Desk:
    """A telephone, an agent that may call, and an API client."""

    line: Line
    agent_id: UUID
    client: httpx.AsyncClient

    async def order(self, to: str = CUSTOMER, key: str = "order-number-1", **fields: Any) -> httpx.Response:
        order = {"to": to, "agent_id": str(self.agent_id), "initial_message": MESSAGE, "idempotency_key": key}
        return await self.client.post("/api/v1/calls/outbound", json=order | fields)

    def calls(self) -> list[CallRecord]:
        return [record for record in self.line.network.records() if record.direction == "outbound-api"]

    async def over(self, call_sid: str) -> CallRecord:
        call = self.line.network.call(call_sid)
        assert call is not None
        async with asyncio.timeout(15):
            await call.over.wait()
        return call.record

    async def row(self, key: str = "order-number-1") -> OutboundCall:
        async with self.line.house.wiring.sessions() as session:
            return (await session.scalars(select(OutboundCall).where(OutboundCall.idempotency_key == key))).one()

    async def has_ticket(self, call_sid: str) -> bool:
        conversation = await self.line.house.conversation(call_sid)
        async with self.line.house.wiring.sessions() as session:
            return await session.scalar(select(Ticket.id).where(Ticket.conversation_id == conversation.id)) is not None


@asynccontextmanager
async def a_desk(database_url: str, redis_url: str, agent: dict[str, Any], **settings: Any) -> AsyncIterator[Desk]:
    async with telephone(database_url, redis_url, callees=CALLEES, **settings) as line:
        agent_id = await line.house.agent(OUR_NUMBER, **agent)
        async with await line.house.client() as client:
            yield Desk(line, agent_id, client)


@pytest.fixture
async def desk(database_url: str, redis_url: str) -> AsyncIterator[Desk]:
    async with a_desk(database_url, redis_url, {}) as ready:
        yield ready


async def test_somebody_is_called_and_talked_with(desk: Desk) -> None:
    async def talks_until_known(socket: WebSocket, call_sid: str) -> None:
        async def is_known() -> bool:
            call = await desk.line.house.call(call_sid)
            return call is not None and call.answered_by is not None

        await wait_for_async(is_known, 5, "machine detection")
        await desk.line.finishes(NextStep.HANG_UP, Outcome.ANSWERED)(socket, call_sid)

    desk.line.talks = [talks_until_known]
    ordered = await desk.order()
    assert ordered.status_code == 201, ordered.text
    view = ordered.json()
    assert (view["state"], view["from"], view["to"]) == ("placed", OUR_NUMBER, CUSTOMER)
    record = await desk.over(view["call_sid"])
    assert (record.direction, record.status) == ("outbound-api", "completed")
    assert verbs(record)[0] == "Connect"
    conversation = await desk.line.house.conversation(record.sid)
    assert (conversation.outcome, conversation.caller_address) == (Outcome.ANSWERED, CUSTOMER)
    assert conversation.closed_at is not None
    assert await desk.has_ticket(record.sid)
    seen = (await desk.client.get(f"/api/v1/calls/outbound/{view['id']}")).json()
    assert (seen["status"], seen["outcome"], seen["answered_by"]) == ("completed", "answered", "human")
    detail = (await desk.client.get(f"/api/v1/calls/{seen['call_id']}")).json()
    assert (detail["direction"], detail["answered_by"]) == ("outbound-api", "human")


async def test_the_same_key_never_calls_twice(desk: Desk) -> None:
    desk.line.talks = [desk.line.finishes(NextStep.HANG_UP, Outcome.ANSWERED)]
    answers = await asyncio.gather(*(desk.order() for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(desk.calls()) == 1
    other = await desk.order(initial_message="Something else.")
    assert (other.status_code, len(desk.calls())) == (409, 1)


async def test_a_lost_answer_is_looked_for_and_never_asked_again(desk: Desk) -> None:
    desk.line.talks = [desk.line.stays]
    desk.line.network.faults.set(Faults(rest=RestFaults(answers_lost=1), webhooks=WebhookFaults(status_lost=True)))
    first = await desk.order()
    assert (first.status_code, first.json()["state"]) == (201, "unknown")
    again = await desk.order()
    assert (again.status_code, again.json()["state"]) == (200, "placed")
    assert [record.sid for record in desk.calls()] == [again.json()["call_sid"]]


async def test_a_webhook_tells_which_order_its_call_belongs_to(desk: Desk) -> None:
    desk.line.talks = [desk.line.finishes(NextStep.HANG_UP, Outcome.ANSWERED)]
    desk.line.network.faults.set(Faults(rest=RestFaults(answers_lost=1)))
    assert (await desk.order()).json()["state"] == "unknown"

    async def placed() -> bool:
        return (await desk.row()).state == "placed"

    await wait_for_async(placed, 5, "the status report to bring the call")
    (record,) = desk.calls()
    assert (await desk.row()).call_sid == record.sid


async def test_an_order_that_twilio_never_got_ends_without_a_call(desk: Desk) -> None:
    desk.line.network.faults.set(Faults(rest=RestFaults(refusals=1, status=500)))
    assert (await desk.order()).json()["state"] == "unknown"
    assert (await desk.order()).json()["state"] == "unknown"
    desk.line.house.clock.ahead += timedelta(minutes=4)
    assert (await desk.order()).json()["state"] == "refused"
    assert (await desk.order()).status_code == 502
    assert desk.calls() == []


async def test_a_busy_twilio_is_asked_again_by_the_same_request(desk: Desk) -> None:
    desk.line.talks = [desk.line.finishes(NextStep.HANG_UP, Outcome.ANSWERED)]
    desk.line.network.faults.set(Faults(rest=RestFaults(refusals=1, status=429)))
    refused = await desk.order()
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert (await desk.row()).state == "planned"
    again = await desk.order()
    assert (again.status_code, again.json()["state"]) == (200, "placed")
    assert len(desk.calls()) == 1


async def test_a_call_nobody_takes_leaves_no_ticket(desk: Desk) -> None:
    view = (await desk.order(to=BUSY)).json()
    record = await desk.over(view["call_sid"])
    conversation = await desk.line.house.conversation(record.sid)
    assert (record.status, conversation.outcome) == ("busy", Outcome.NOT_REACHED)
    assert conversation.closed_at is not None
    assert not await desk.has_ticket(record.sid)


async def test_an_answering_machine_is_hung_up_on(desk: Desk) -> None:
    desk.line.talks = [desk.line.stays]
    record = await desk.over((await desk.order(to=MACHINE)).json()["call_sid"])
    assert (record.answered_by, record.ended_by) == ("machine_start", "rest")
    assert (await desk.line.house.conversation(record.sid)).outcome == Outcome.NOT_REACHED


async def test_an_answering_machine_is_left_a_message(database_url: str, redis_url: str) -> None:
    agent = {"on_machine": "leave_message", "company": "Fernway"}
    async with a_desk(database_url, redis_url, agent) as desk:
        desk.line.talks = [desk.line.stays]
        record = await desk.over((await desk.order(to=MACHINE)).json()["call_sid"])
        assert record.answered_by == "machine_end_beep"
        assert record.heard[-1] == f"Hello, this is the AI assistant of Fernway. {MESSAGE} Goodbye."
        assert (await desk.line.house.conversation(record.sid)).outcome == Outcome.NOT_REACHED
        assert not await desk.has_ticket(record.sid)


async def test_an_agent_that_talks_asks_for_no_detection(database_url: str, redis_url: str) -> None:
    async with a_desk(database_url, redis_url, {"on_machine": "talk"}) as desk:
        desk.line.talks = [desk.line.finishes(NextStep.HANG_UP, Outcome.ANSWERED)]
        record = await desk.over((await desk.order(to=MACHINE)).json()["call_sid"])
        assert record.answered_by is None


async def test_limits_hold_however_many_orders_come_at_once(database_url: str, redis_url: str) -> None:
    limits = {"outbound_per_minute": 4, "outbound_per_number": 2}
    async with a_desk(database_url, redis_url, {}, **limits) as desk:
        desk.line.talks = [desk.line.stays]
        many = [desk.order(to=f"+1202555{place // 3 + 4000:04}", key=f"order-{place:04}") for place in range(24)]
        answers = await asyncio.gather(*many)
        assert sorted({answer.status_code for answer in answers}) == [201, 429]
        assert len(desk.calls()) == sum(answer.status_code == 201 for answer in answers) == 4
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert int(refused.headers["retry-after"]) >= 60


async def test_what_cannot_be_called_is_refused_and_nothing_is_stored(desk: Desk) -> None:
    inactive = await desk.line.house.agent(is_active=False)
    numberless = await desk.line.house.agent()
    for fields, status in (
        ({"to": "+19005550123"}, 422),
        ({"to": "+18765550123"}, 422),
        ({"to": "+442079460000"}, 422),
        ({"to": "12025550123"}, 422),
        ({"to": OUR_NUMBER}, 422),
        ({"initial_message": "  "}, 422),
        ({"idempotency_key": "short"}, 422),
        ({"unknown": 1}, 422),
        ({"agent_id": str(inactive)}, 409),
        ({"agent_id": str(numberless)}, 409),
        ({"agent_id": str(UUID(int=1))}, 404),
    ):
        answered = await desk.order(key=f"order-{status}-{next(iter(fields))}", **fields)
        assert answered.status_code == status, (fields, answered.text)
    async with desk.line.house.wiring.sessions() as session:
        assert (await session.scalars(select(OutboundCall))).all() == []


async def test_only_keys_with_the_scope_may_call(desk: Desk) -> None:
    async with await desk.line.house.client(*(scope for scope in Scope if scope is not Scope.CALLS_START)) as client:
        assert (await client.post("/api/v1/calls/outbound", json={})).status_code == 403


@pytest.mark.parametrize(
    ("number", "countries", "refusal"),
    [
        ("+12025550123", (), None),
        ("+12025550123", ("GB",), Refusal.COUNTRY),
        ("+442079460000", ("GB",), None),
        ("+442079460000", (), Refusal.COUNTRY),
        ("+18765550123", (), Refusal.COUNTRY),
        ("+12423456789", (), Refusal.COUNTRY),
        ("+19005550123", (), Refusal.COSTLY),
        ("+870773111632", (), Refusal.COSTLY),
        ("+881612345678", ("001",), Refusal.COSTLY),
        ("+979123456789", (), Refusal.COSTLY),
        ("+1202555012", (), Refusal.NOT_A_NUMBER),
        ("+999123456789", (), Refusal.NOT_A_NUMBER),
        (OUR_NUMBER, (), Refusal.OWN_NUMBER),
    ],
)
def test_where_may_be_called(number: str, countries: tuple[str, ...], refusal: Refusal | None) -> None:
    assert refusal_of(number, OUR_NUMBER, countries, {OUR_NUMBER}) is refusal


def test_no_costly_kind_of_number_of_any_country_is_called() -> None:
    kinds = phonenumbers.PhoneNumberType
    costly = (kinds.PREMIUM_RATE, kinds.SHARED_COST, kinds.PERSONAL_NUMBER, kinds.UAN, kinds.VOICEMAIL, kinds.PAGER)
    looked_at = 0
    for country in phonenumbers.SUPPORTED_REGIONS:
        for kind in costly:
            example = phonenumbers.example_number_for_type(country, kind)
            if example is None or phonenumbers.number_type(example) not in costly:
                continue
            looked_at += 1
            number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
            assert refusal_of(number, OUR_NUMBER, (country,), ()) is not None
    assert looked_at > 300


async def test_without_twilio_certainly_nobody_was_called(database_url: str, redis_url: str) -> None:
    async with gateway(settings_for(database_url, redis_url)) as house, await house.client() as client:
        agent = str(await house.agent(OUR_NUMBER))
        order = {"to": CUSTOMER, "agent_id": agent, "initial_message": MESSAGE, "idempotency_key": "order-number-1"}
        answered = await client.post("/api/v1/calls/outbound", json=order)
        assert answered.status_code == 503
        async with house.wiring.sessions() as session:
            assert (await session.scalars(select(OutboundCall.state))).all() == ["planned"]


@pytest.mark.parametrize("told_first", ["voice", "status"])
async def test_the_streams_token_lives_from_the_moment_somebody_picks_up(house: House, told_first: str) -> None:
    agent_id = await house.agent(OUR_NUMBER)
    await house.key()
    async with house.wiring.sessions.begin() as session:
        key_id = (await session.scalars(select(ApiKey.id).limit(1))).one()
        order = OutboundCall(
            idempotency_key="order-number-1", api_key_id=key_id, agent_id=agent_id, to_number=CUSTOMER,
            from_number=OUR_NUMBER, message=MESSAGE, requested_at=house.clock.now(),
        )  # fmt: skip
        session.add(order)
    form = call_form(new_call_sid(), Direction="outbound-api", From=OUR_NUMBER, To=CUSTOMER)
    await house.hook(f"/twilio/status?outbound={order.id}", form)
    house.clock.ahead += timedelta(seconds=55)
    answered = {**form, "CallStatus": "in-progress"}
    if told_first == "status":
        await house.hook(f"/twilio/status?outbound={order.id}", answered)
    first = await house.hook(f"/twilio/voice?outbound={order.id}", answered)
    house.clock.ahead += timedelta(seconds=5)
    await house.hook(f"/twilio/status?outbound={order.id}", answered)
    again = await house.hook(f"/twilio/voice?outbound={order.id}", answered)
    assert first.content == again.content
    (token,) = (parameter.get("value", "") for parameter in document(first).iter("Parameter"))
    claims = jwt.decode(token, options={"verify_signature": False})
    assert 45 < claims["exp"] - (house.clock.now() - timedelta(seconds=5)).timestamp() <= 60


async def test_a_webhook_for_another_order_opens_nothing(desk: Desk) -> None:
    for outbound in (str(UUID(int=7)), "no-uuid"):
        call_sid = new_call_sid()
        form = call_form(call_sid, Direction="outbound-api", From=OUR_NUMBER, To=CUSTOMER, CallStatus="in-progress")
        answered = await desk.line.house.hook(f"/twilio/voice?outbound={outbound}", form)
        assert "Connect" not in answered.text
        assert await desk.line.house.call(call_sid) is None


async def test_what_a_machine_says_is_no_conversation(desk: Desk) -> None:
    async def transcribes(socket: WebSocket, call_sid: str) -> None:
        """Take a machine's greeting for a caller's words."""
        said = {"media_state": MediaState.FINISHED, "next_step": NextStep.HANG_UP, "outcome": Outcome.ABANDONED}
        await desk.line.house.set_call(call_sid, **said)
        with suppress(WebSocketDisconnect):
            while True:
                await socket.receive_text()

    desk.line.talks = [transcribes]
    record = await desk.over((await desk.order(to=MACHINE)).json()["call_sid"])
    assert (await desk.line.house.conversation(record.sid)).outcome == Outcome.NOT_REACHED
