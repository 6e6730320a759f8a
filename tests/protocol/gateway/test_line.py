"""A caller's line on the lab's telephone network: real webhooks, real TwiML, a voice tier of a few lines or none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from lab.twilio.call import Call
from lab.twilio.faults import Faults, WebhookFaults
from lab.twilio.network import PhoneNetwork
from lab.twilio.people import QUIET, Act
from lab.twilio.records import CallRecord, Problem, VerbStarted
from lab.twilio.settings import Callee, PhoneNumber, PhoneSettings
from shared.contracts.calls import CallStatus, MediaState, NextStep
from shared.contracts.conversations import Outcome
from shared.security.purpose_tokens import Purpose, TokenSigner
from tests.gateway_house import (
    ACCOUNT,
    AUTH_TOKEN,
    CALLER,
    OUR_NUMBER,
    PERSON,
    PUBLIC,
    SIGNING_KEY,
    House,
    served_gateway,
    settings_for,
)
from tests.serving import serving
from tests.waiting import wait_for_async

VOICE = "https://voice.example.com"


class Listener:
    """A caller who listens until the line goes down, or for some seconds."""

    def __init__(self, patience_s: float = 1e6) -> None:
        self._ticks_left = patience_s * 50

    def tick(self, heard: bytes) -> Act:
        del heard
        self._ticks_left -= 1
        return Act(hangs_up=True) if self._ticks_left <= 0 else QUIET


Talk = Callable[[WebSocket, str], Awaitable[None]]


@dataclass
class Line:
    """A gateway, a telephone network in front of it, and what its voice tier does with a stream."""

    house: House
    network: PhoneNetwork
    generations: list[str] = field(default_factory=list)
    """Token ids of the streams that came."""
    talks: list[Talk] = field(default_factory=list)
    """What to do with each stream, in order; the last one again for all later ones."""

    async def media(self, socket: WebSocket) -> None:
        await socket.accept()
        while (start := json.loads(await socket.receive_text()))["event"] != "start":
            pass
        token = start["start"]["customParameters"]["token"]
        claims = TokenSigner(SIGNING_KEY).read(Purpose.STREAM, token)
        assert claims["sub"] == start["start"]["callSid"]
        self.generations.append(claims["jti"].rpartition(":")[2])
        talk = self.talks.pop(0) if len(self.talks) > 1 else self.talks[0]
        await talk(socket, claims["sub"])

    async def call(
        self, patience_s: float = 1e6, from_number: str = CALLER, faults: Faults | None = None
    ) -> CallRecord:
        """A call, when it is over and everything about it was reported."""
        call: Call = self.network.call_in(from_number, Listener(patience_s), faults=faults)
        async with asyncio.timeout(15):
            await call.over.wait()
        assert not [event for event in call.record.events if isinstance(event, Problem) and event.code == 12200]
        return call.record

    def finishes(self, next_step: NextStep, outcome: Outcome) -> Talk:
        """Speak to the end, as the record says; then let go of the line."""

        async def talk(socket: WebSocket, call_sid: str) -> None:
            await self.house.set_call(call_sid, media_state=MediaState.FINISHED, next_step=next_step, outcome=outcome)
            await socket.close()

        return talk

    def dies(self) -> Talk:
        """Take the call and vanish."""

        async def talk(socket: WebSocket, call_sid: str) -> None:
            await self.house.set_call(call_sid, media_state=MediaState.CONNECTED)
            await socket.close(1011)

        return talk

    async def stays(self, socket: WebSocket, call_sid: str) -> None:
        """Talk until the caller hangs up."""
        await self.house.set_call(call_sid, media_state=MediaState.CONNECTED)
        with_caller = True
        while with_caller:
            try:
                with_caller = json.loads(await socket.receive_text())["event"] != "stop"
            except WebSocketDisconnect:
                with_caller = False
        await self.house.set_call(call_sid, media_state=MediaState.LOST)

    async def outcome(self, record: CallRecord) -> str | None:
        return (await self.house.conversation(record.sid)).outcome


@pytest.fixture
async def line(database_url: str, redis_url: str) -> AsyncIterator[Line]:
    async with telephone(database_url, redis_url) as ready:
        yield ready


@asynccontextmanager
async def telephone(database_url: str, redis_url: str, *, voice_path: str = "/twilio/voice") -> AsyncIterator[Line]:
    lines: list[Line] = []

    async def media(socket: WebSocket) -> None:
        await lines[0].media(socket)

    voice = Starlette(routes=[WebSocketRoute("/twilio/media", media)])
    settings = settings_for(database_url, redis_url, voice_public_url=VOICE)
    async with served_gateway(settings) as (house, inside), serving(voice) as voice_inside:
        number = PhoneNumber(
            voice_url=PUBLIC + voice_path,
            fallback_url=f"{PUBLIC}/twilio/voice/fallback",
            status_callback=f"{PUBLIC}/twilio/status",
        )
        phone = PhoneSettings(
            account_sid=ACCOUNT,
            auth_token=AUTH_TOKEN,
            numbers={OUR_NUMBER: number},
            callees={PERSON: Callee(answers_after_s=1, talks_for_s=1, says="A colleague here.")},
            speed=10,
            origins={PUBLIC: inside, VOICE: voice_inside},
        )
        network = PhoneNetwork(phone)
        lines.append(Line(house, network))
        try:
            yield lines[0]
        finally:
            await network.close()


def verbs(record: CallRecord) -> list[str]:
    return [event.verb for event in record.events if isinstance(event, VerbStarted)]


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


async def test_without_a_voice_tier_the_caller_hears_a_promise_that_is_kept(line: Line) -> None:
    await line.house.agent(OUR_NUMBER)
    line.talks = [line.dies()]
    record = await line.call()
    assert line.generations == ["1", "2", "3"]
    assert "call you back" in record.heard[-1]
    assert await line.outcome(record) == Outcome.REFUSED
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
