"""A caller's line on the lab's telephone network: real webhooks, real TwiML, a voice tier of a few lines or none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from lab.twilio.faults import Faults, WebhookFaults
from shared.contracts.calls import CallStatus, MediaState, NextStep
from shared.contracts.conversations import Outcome
from tests.gateway_house import (
    OUR_NUMBER,
    PERSON,
)
from tests.gateway_telephone import Line, telephone, verbs
from tests.waiting import wait_for_async


@pytest.fixture
async def line(database_url: str, redis_url: str) -> AsyncIterator[Line]:
    async with telephone(database_url, redis_url) as ready:
        yield ready


async def test_a_call_from_ringing_to_goodbye(line: Line) -> None:
    await line.house.agent(OUR_NUMBER)
    line.talks = [line.finishes(NextStep.HANG_UP, Outcome.ANSWERED)]
    record = await line.call()
    assert verbs(record) == ["Connect", "Hangup"]
    assert (record.status, record.ended_by) == ("completed", "twiml")
    closed = await line.house.conversation(record.sid)
    assert closed.closed_at is not None
    assert closed.outcome == Outcome.ANSWERED
    call = await line.house.call(record.sid)
    assert call is not None
    assert (call.status, call.answered_at is not None) == (CallStatus.COMPLETED, True)


async def test_a_caller_who_hangs_up(line: Line) -> None:
    await line.house.agent(OUR_NUMBER)
    line.talks = [line.stays]
    record = await line.call(patience_s=2)
    assert record.ended_by == "caller"

    async def lost() -> bool:
        call = await line.house.call(record.sid)
        return call is not None and call.media_state == MediaState.LOST

    await wait_for_async(lost, 5, "the voice process noticed")
    assert line.generations == ["1"]


async def test_a_voice_process_dies_and_another_goes_on(line: Line) -> None:
    await line.house.agent(OUR_NUMBER)
    line.talks = [line.dies(), line.dies(), line.finishes(NextStep.HANG_UP, Outcome.ANSWERED)]
    record = await line.call()
    assert line.generations == ["1", "2", "3"]
    assert verbs(record) == ["Connect", "Connect", "Connect", "Hangup"]
    assert await line.outcome(record) == Outcome.ANSWERED


async def test_without_a_voice_tier_the_caller_is_talked_with_all_the_same(line: Line) -> None:
    await line.house.agent(OUR_NUMBER)
    line.talks = [line.dies()]
    record = await line.call()
    assert line.generations == ["1", "2", "3", "4"]
    assert "I am an AI assistant." in " ".join(record.heard)
    assert "please say something" in " ".join(record.heard)
    assert await line.outcome(record) == Outcome.SILENT
    assert (await line.house.conversation(record.sid)).closed_at is not None


@pytest.mark.parametrize("apologising", [True, False])
async def test_a_caller_is_put_through(line: Line, *, apologising: bool) -> None:
    await line.house.agent(OUR_NUMBER, transfer_number=PERSON)
    step = NextStep.APOLOGISE if apologising else NextStep.TRANSFER
    line.talks = [line.finishes(step, Outcome.FOLLOW_UP)]
    record = await line.call()
    assert verbs(record) == ["Connect", "Say", "Dial", "Hangup"]
    assert record.heard[-1] == "A colleague here."
    assert ("technical problem" in record.heard[0]) == apologising
    assert await line.outcome(record) == Outcome.TRANSFERRED
    assert (await line.house.conversation(record.sid)).closed_at is not None


async def test_nobody_takes_the_transfer(line: Line) -> None:
    await line.house.agent(OUR_NUMBER, transfer_number="+18005550198")
    line.talks = [line.finishes(NextStep.TRANSFER, Outcome.TRANSFERRED)]
    record = await line.call()
    assert "nobody is free" in record.heard[-1]
    assert await line.outcome(record) == Outcome.FOLLOW_UP


async def test_every_webhook_twice_and_every_status_backwards(line: Line) -> None:
    await line.house.agent(OUR_NUMBER, transfer_number=PERSON)
    line.talks = [line.dies(), line.finishes(NextStep.TRANSFER, Outcome.FOLLOW_UP)]
    record = await line.call(faults=Faults(webhooks=WebhookFaults(repeats=2, status_repeats=2, status_backwards=True)))
    assert line.generations == ["1", "2"]
    assert verbs(record) == ["Connect", "Connect", "Say", "Dial", "Hangup"]
    assert await line.outcome(record) == Outcome.TRANSFERRED
    assert (await line.house.conversation(record.sid)).closed_at is not None


async def test_twilio_goes_to_the_fallback_when_the_first_address_is_wrong(database_url: str, redis_url: str) -> None:
    async with telephone(database_url, redis_url, voice_path="/twilio/vioce") as line:
        await line.house.agent(OUR_NUMBER, transfer_number=PERSON)
        record = await line.call()
        assert verbs(record) == ["Say", "Dial", "Hangup"]
        assert record.heard[-1] == "A colleague here."
        assert await line.outcome(record) == Outcome.TRANSFERRED


async def test_a_network_with_another_token_gets_nothing_but_refusals(line: Line) -> None:
    await line.house.agent(OUR_NUMBER)
    record = await line.call(faults=Faults(webhooks=WebhookFaults(wrong_signature=True)))
    assert await line.house.call(record.sid) is None
    assert verbs(record) == []


async def test_five_calls_at_once(line: Line) -> None:
    await line.house.agent(OUR_NUMBER)
    line.talks = [line.finishes(NextStep.HANG_UP, Outcome.ANSWERED)]
    records = await asyncio.gather(*(line.call() for _ in range(5)))
    assert {verbs(record)[-1] for record in records} == {"Hangup"}
    assert {await line.outcome(record) for record in records} == {Outcome.ANSWERED}
