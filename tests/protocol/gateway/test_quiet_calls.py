"""Calls that nobody reports about: closed when Twilio says that they are over, pulled from a process that is stuck."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from starlette.websockets import WebSocket

from lab.twilio.call import Call as PlacedCall
from lab.twilio.faults import Faults, WebhookFaults
from services.gateway.watch.quiet_calls import ALONE, QUIET
from shared.contracts.calls import MediaState, NextStep
from shared.contracts.conversations import Outcome
from shared.database.models import Call, Conversation
from tests.gateway_house import CALLER, OUR_NUMBER
from tests.gateway_telephone import Line, Listener, telephone
from tests.waiting import wait_for_async


@pytest.fixture
async def line(database_url: str, redis_url: str) -> AsyncIterator[Line]:
    async with telephone(database_url, redis_url) as ready:
        await ready.house.agent(OUR_NUMBER)
        yield ready


async def stuck(line: Line) -> PlacedCall:
    """A call whose voice process has taken it, and then neither speaks nor reads nor stores anything."""
    placed: list[PlacedCall] = []

    async def hangs(_: WebSocket, call_sid: str) -> None:
        await line.house.set_call(call_sid, media_state=MediaState.CONNECTED)
        await placed[0].over.wait()

    line.talks = [hangs, line.finishes(NextStep.HANG_UP, Outcome.ANSWERED)]
    call = line.network.call_in(CALLER, Listener())
    placed.append(call)

    async def connected() -> bool:
        row = await line.house.call(call.record.sid)
        return row is not None and row.media_state == MediaState.CONNECTED

    await wait_for_async(connected, 5, "the stream")
    return call


async def nothing_happens(line: Line, call_sid: str, for_so_long: timedelta = QUIET + timedelta(seconds=1)) -> None:
    """The call's rows are as if this time had passed since they changed."""
    async with line.house.wiring.sessions.begin() as session:
        conversation_id = await session.scalar(select(Call.conversation_id).where(Call.call_sid == call_sid))
        for table, row in ((Call, Call.call_sid == call_sid), (Conversation, Conversation.id == conversation_id)):
            await session.execute(update(table).where(row).values(updated_at=table.updated_at - for_so_long))


async def test_a_call_is_taken_from_a_voice_process_that_is_stuck(line: Line) -> None:
    call = await stuck(line)
    await line.house.wiring.quiet_calls.look()
    assert line.generations == ["1"]  # it has not been quiet for long
    await nothing_happens(line, call.record.sid)
    await line.house.wiring.quiet_calls.look()
    async with asyncio.timeout(5):
        await call.over.wait()
    assert line.generations == ["1", "2"]
    assert await line.outcome(call.record) == Outcome.ANSWERED


async def test_a_call_that_speaks_is_left_alone(line: Line) -> None:
    call = await stuck(line)
    await nothing_happens(line, call.record.sid, QUIET - timedelta(seconds=30))
    await line.house.wiring.quiet_calls.look()
    row = await line.house.call(call.record.sid)
    assert row is not None
    assert (row.stream_generation, row.checked_at) == (1, None)


async def test_a_lost_status_report_is_asked_for(line: Line) -> None:
    line.talks = [line.finishes(NextStep.HANG_UP, Outcome.ANSWERED)]
    record = await line.call(faults=Faults(webhooks=WebhookFaults(status_lost=True)))
    assert (await line.house.conversation(record.sid)).closed_at is None
    await nothing_happens(line, record.sid, ALONE + timedelta(seconds=1))
    await line.house.wiring.quiet_calls.look()
    conversation = await line.house.conversation(record.sid)
    assert (conversation.outcome, conversation.closed_at is not None) == (Outcome.ANSWERED, True)
    row = await line.house.call(record.sid)
    assert row is not None
    assert (row.status, row.duration_seconds) == ("completed", round(record.duration_s))


@pytest.mark.parametrize(("media", "step"), [(MediaState.WAITING, None), (MediaState.FINISHED, NextStep.HANG_UP)])
async def test_a_caller_with_whom_nobody_talks_is_asked_for_soon_and_a_transferred_one_is_not(
    line: Line, media: MediaState, step: NextStep | None
) -> None:
    line.talks = [line.finishes(NextStep.HANG_UP, Outcome.ANSWERED)]
    record = await line.call(faults=Faults(webhooks=WebhookFaults(status_lost=True)))
    await line.house.set_call(record.sid, media_state=MediaState.FINISHED, next_step=NextStep.TRANSFER)
    await nothing_happens(line, record.sid, ALONE + timedelta(seconds=1))
    await line.house.wiring.quiet_calls.look()
    assert (await line.house.conversation(record.sid)).closed_at is None
    await line.house.set_call(record.sid, media_state=media, next_step=step)
    await nothing_happens(line, record.sid, ALONE + timedelta(seconds=1))
    await line.house.wiring.quiet_calls.look()
    assert (await line.house.conversation(record.sid)).closed_at is not None


async def test_a_call_that_twilio_has_forgotten_is_over(line: Line) -> None:
    call = await stuck(line)
    del line.network._calls[call.record.sid]
    await nothing_happens(line, call.record.sid)
    await line.house.wiring.quiet_calls.look()
    row = await line.house.call(call.record.sid)
    assert row is not None
    assert row.status == "completed"
    call.hang_up("caller")
    async with asyncio.timeout(10):
        await call.over.wait()


async def test_of_two_gateways_one_looks(line: Line) -> None:
    call = await stuck(line)
    await nothing_happens(line, call.record.sid)
    quiet = line.house.wiring.quiet_calls
    await asyncio.gather(*(quiet.look() for _ in range(4)))
    async with asyncio.timeout(5):
        await call.over.wait()
    assert line.generations == ["1", "2"]
