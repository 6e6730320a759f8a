"""Callers while no voice process is free: they wait, they choose, they connect when one is, and Redis may be away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from lab.twilio.people import Act
from shared.admission.slots import NOTHING, Offer, Slots, reservation
from shared.contracts.calls import MediaState, NextStep
from shared.contracts.conversations import Outcome
from tests.gateway_house import OUR_NUMBER, House, call_form, document, gateway, new_call_sid, settings_for, spoken
from tests.gateway_house import verbs as verbs_of
from tests.gateway_telephone import Line, telephone, verbs
from tests.waiting import wait_for_async


@pytest.fixture
async def slots(redis_url: str) -> AsyncIterator[Slots]:
    async with Redis.from_url(redis_url) as redis:
        yield Slots(redis)


@pytest.fixture
async def line(database_url: str, redis_url: str) -> AsyncIterator[Line]:
    async with telephone(database_url, redis_url) as ready:
        yield ready


class Presser:
    """A caller who presses a key after some seconds."""

    def __init__(self, key: str, after_s: float) -> None:
        self._key = key
        self._ticks_left = after_s * 50

    def tick(self, heard: bytes) -> Act:
        del heard
        self._ticks_left -= 1
        return Act(key=self._key if self._ticks_left == 0 else None)


async def test_a_caller_waits_and_connects_when_a_slot_is_free(line: Line, slots: Slots) -> None:
    await line.house.agent(OUR_NUMBER)
    line.talks = [line.finishes(NextStep.HANG_UP, Outcome.ANSWERED)]
    await slots.publish("a", NOTHING, for_s=60)
    person = Presser("5", 1e6)
    call = line.network.call_in("+12025550111", person)

    async def waits() -> bool:
        row = await line.house.call(call.record.sid)
        return row is not None and row.media_state == MediaState.WAITING and row.rounds_waited > 1

    await wait_for_async(waits, 10, "the caller to wait")
    await slots.publish("a", Offer(1, 1), for_s=60)
    async with asyncio.timeout(15):
        await call.over.wait()
    assert verbs(call.record)[-2:] == ["Connect", "Hangup"]
    assert "Thank you for waiting." in " ".join(call.record.heard)
    assert line.generations == ["1"]
    assert (await slots.look()).free == 0
    assert (await line.outcome(call.record)) == Outcome.ANSWERED


@pytest.mark.parametrize(("key", "says"), [("1", "We will call you back"), ("2", "leave a message after the tone")])
async def test_a_caller_chooses_not_to_wait(line: Line, slots: Slots, key: str, says: str) -> None:
    await line.house.agent(OUR_NUMBER, when_full=["wait", "call_back", "voicemail"])
    await slots.publish("a", NOTHING, for_s=60)
    call = line.network.call_in("+12025550111", Presser(key, 3))
    async with asyncio.timeout(15):
        await call.over.wait()
    assert says in " ".join(call.record.heard)
    assert (await line.outcome(call.record)) == Outcome.REFUSED
    assert (await line.house.conversation(call.record.sid)).closed_at is not None


@pytest.fixture
async def house(database_url: str, redis_url: str) -> AsyncIterator[House]:
    async with gateway(settings_for(database_url, redis_url)) as running:
        yield running


async def test_a_repeated_webhook_gets_the_same_bytes_however_slots_come_and_go(house: House, slots: Slots) -> None:
    await house.agent(OUR_NUMBER)
    form = call_form(new_call_sid())
    await slots.publish("a", NOTHING, for_s=60)
    first = await house.hook("/twilio/voice", form)
    assert verbs_of(first) == ["Gather", "Redirect"]
    assert "press 1" in spoken(first)
    await slots.publish("a", Offer(5, 5), for_s=60)
    assert (await house.hook("/twilio/voice", form)).content == first.content
    connected = await house.hook("/twilio/voice/wait?over=1", form)
    assert verbs_of(connected)[0] == "Connect"
    await slots.publish("a", NOTHING, for_s=60)
    for path in ("/twilio/voice/wait?over=1", "/twilio/voice"):
        assert (await house.hook(path, form)).content == connected.content


async def test_a_stream_that_waited_gets_a_fresh_token(house: House, slots: Slots) -> None:
    await house.agent(OUR_NUMBER)
    form = call_form(new_call_sid())
    await slots.publish("a", NOTHING, for_s=60)
    await house.hook("/twilio/voice", form)
    before = await house.call(form["CallSid"])
    await slots.publish("a", Offer(1, 1), for_s=60)
    await house.hook("/twilio/voice/wait?over=1", form)
    after = await house.call(form["CallSid"])
    assert before is not None
    assert after is not None
    assert after.stream_issued_at > before.stream_issued_at


async def test_a_lost_call_comes_before_new_ones(house: House, slots: Slots) -> None:
    await house.agent(OUR_NUMBER)
    lost, new = call_form(new_call_sid()), call_form(new_call_sid())
    await slots.publish("a", Offer(1, 1), for_s=60)
    assert verbs_of(await house.hook("/twilio/voice", lost))[0] == "Connect"
    await house.set_call(lost["CallSid"], media_state=MediaState.CONNECTED)
    await slots.publish("a", NOTHING, [reservation(lost["CallSid"], 1)], for_s=60)
    assert verbs_of(await house.hook("/twilio/voice", new))[0] == "Gather"
    await slots.publish("a", Offer(1, 1), for_s=60)
    again = await house.hook("/twilio/voice/after?generation=1", {**lost, "CallStatus": "in-progress"})
    assert document(again).find("Connect") is not None
    assert verbs_of(await house.hook("/twilio/voice/wait?over=1", new))[0] == "Gather"


async def test_without_redis_calls_are_admitted_and_the_voice_tier_decides(database_url: str) -> None:
    async with gateway(settings_for(database_url, "redis://127.0.0.1:9/0")) as house:
        await house.agent(OUR_NUMBER)
        answered = await house.hook("/twilio/voice", call_form(new_call_sid()))
        assert verbs_of(answered)[0] == "Connect"
        assert house.wiring.admission.standing is None
