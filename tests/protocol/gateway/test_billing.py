"""What Twilio bills of a call, as its webhooks tell it: once each, in the record and in the API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from shared.contracts.calls import MediaState, NextStep, TransferOutcome
from shared.contracts.conversations import Outcome
from shared.contracts.tasks import TaskName
from shared.database.models import CallSession, Charge, OutboxRow
from shared.security.api_keys import Scope
from tests.gateway_house import OUR_NUMBER, House, call_form, new_call_sid
from tests.protocol.gateway.test_call_control import recording_form

TALKING = {"CallStatus": "in-progress"}
OVER = {"CallStatus": "completed", "CallDuration": "61"}
PERSON = "+12025550177"


async def talked(house: House, next_step: NextStep = NextStep.HANG_UP, **agent: Any) -> str:
    """A call whose voice process has said and stored everything it had."""
    await house.agent(OUR_NUMBER, **agent)
    call_sid = new_call_sid()
    await house.hook("/twilio/voice", call_form(call_sid))
    await house.set_call(
        call_sid, media_state=MediaState.FINISHED, next_step=next_step, outcome=Outcome.ANSWERED, status="in-progress"
    )
    call = await house.call(call_sid)
    assert call is not None
    figures = {"interruptions": 1, "false_interruptions": 0, "silences": 2, "kept_characters": 30}
    async with house.wiring.sessions.begin() as session:
        session.add(CallSession(call_id=call.id, generation=1, transport="media_streams", seconds=50.0, **figures))
    return call_sid


async def told(house: House, call_sid: str) -> dict[str, Any]:
    call = await house.call(call_sid)
    assert call is not None
    async with await house.client(Scope.CALLS_READ) as client:
        detail: dict[str, Any] = (await client.get(f"/api/v1/calls/{call.id}")).json()
        (summary,) = (await client.get("/api/v1/calls", params={"call_sid": call_sid})).json()["calls"]
    assert summary["cost"] == detail["cost"]
    return detail


async def recomputed(house: House) -> int:
    async with house.wiring.sessions() as session:
        asked = select(func.count()).where(OutboxRow.task == TaskName.RECORD_CONVERSATION.value)
        return await session.scalar(asked) or 0


async def test_the_telephone_is_billed_once_by_the_minutes_begun(house: House) -> None:
    call_sid = await talked(house)
    assert "the call is not over" in (await told(house, call_sid))["cost"]["unknown"]
    for _ in range(2):
        await house.hook("/twilio/status", call_form(call_sid, **OVER))
    detail = await told(house, call_sid)
    assert detail["cost"]["known"] == {"USD": "0.044"}
    assert detail["cost"]["unknown"] == []
    (usage,) = detail["figures"]["usage"]
    assert (usage["item"], usage["unit"], usage["quantity"]) == ("inbound US toll-free", "seconds", "61")
    assert (detail["figures"]["silences"], detail["figures"]["kept_characters"]) == (2, 30)


async def test_an_end_without_a_length_leaves_the_cost_unknown(house: House) -> None:
    call_sid = await talked(house)
    await house.hook("/twilio/status", call_form(call_sid, CallStatus="completed"))
    cost = (await told(house, call_sid))["cost"]
    assert cost["known"] == {}
    assert len(cost["unknown"]) == 1


async def test_the_second_leg_of_a_transfer_is_billed(house: House) -> None:
    call_sid = await talked(house, NextStep.TRANSFER, transfer_number=PERSON)
    await house.hook("/twilio/voice/after?generation=1", call_form(call_sid, **TALKING))
    dialled = {"DialCallStatus": "completed", "DialBridged": "true", "DialCallDuration": "130"}
    for _ in range(2):
        await house.hook("/twilio/voice/after/dial", call_form(call_sid, **TALKING, **dialled))
    await house.hook("/twilio/status", call_form(call_sid, **OVER))
    detail = await told(house, call_sid)
    assert detail["transfer"]["outcome"] == TransferOutcome.ACCEPTED
    assert detail["cost"] == {"known": {"USD": "0.086"}, "unknown": [], "rates_of": "2026-01-01"}


async def test_what_is_known_later_is_added_and_the_figures_are_computed_again(house: House) -> None:
    call_sid = await talked(house)
    await house.hook("/twilio/status", call_form(call_sid, **OVER))
    before = await recomputed(house)
    for _ in range(2):
        await house.hook("/twilio/recording", recording_form(call_sid))
    assert await recomputed(house) == before + 1
    async with house.wiring.sessions() as session:
        charge = (await session.scalars(select(Charge).where(Charge.item == "recording"))).one()
    assert (charge.quantity, charge.amount) == (Decimal(78), Decimal("0.005"))
