"""Calls of an agent for whom Twilio hears and speaks: gateway, voice room and telephone network on real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from lab.caller.caller import SimulatedCaller
from lab.caller.scenario import Persona, Scenario
from lab.twilio.call import Call as PlacedCall
from lab.twilio.faults import Faults, RelayFaults
from lab.twilio.people import Person
from lab.twilio.settings import PhoneNumber
from shared.contracts.calls import MediaState
from shared.contracts.conversations import Outcome
from tests.gateway_house import served_gateway
from tests.gateway_house import settings_for as gateway_settings
from tests.voice_house import GREETING, OUR_NUMBER, PUBLIC, VOICE, Driven, VoiceHouse, all_at_once, voice_house
from tests.waiting import wait_for_async


@asynccontextmanager
async def whole_house(database_url: str, redis_url: str, **agent: Any) -> AsyncIterator[VoiceHouse]:
    """A voice room and a gateway before it; the only agent's calls are relay sessions."""
    relayed = {"transport": "conversation_relay", **agent}
    async with (
        voice_house(database_url, redis_url, agent=relayed) as house,
        served_gateway(gateway_settings(database_url, redis_url, voice_public_url=VOICE)) as (_, address),
    ):
        number = PhoneNumber(voice_url=f"{PUBLIC}/twilio/voice", status_callback=f"{PUBLIC}/twilio/status")
        house.network.settings = replace(
            house.network.settings, numbers={OUR_NUMBER: number}, origins={PUBLIC: address, VOICE: house.address}
        )
        yield house


def ring(house: VoiceHouse, person: Person, **faults: Any) -> PlacedCall:
    return house.network.call_in("+12025550123", person, faults=Faults(relay=RelayFaults(**faults)))


async def test_calls_over_relay_sessions_end_as_they_should(database_url: str, redis_url: str) -> None:
    async with whole_house(database_url, redis_url, email_policy="never") as house:
        await all_at_once(
            scripted=a_scripted_caller_is_served_to_the_end(house),
            resumed=a_session_that_breaks_off_goes_on(house),
            fallen_back=a_session_that_never_comes_about_is_a_media_stream(house),
            hung_up=a_caller_hangs_up(house),
        )


async def a_scripted_caller_is_served_to_the_end(house: VoiceHouse) -> None:
    scenario = Scenario.asking("How do I restart my router?", persona=Persona(pause_s=0.25))
    call = ring(house, SimulatedCaller(scenario))
    await call.over.wait()
    assert call.record.problems == []
    assert call.record.ended_by == "twiml"
    conversation = await house.conversation(call.record.sid)
    assert (conversation.outcome, conversation.notice_heard) == (Outcome.ANSWERED, True)
    assert conversation.closed_at is not None
    row = await house.call(call.record.sid)
    assert (row.transport, row.stream_generation, row.media_state) == ("conversation_relay", 1, MediaState.FINISHED)
    turns = await house.turns(call.record.sid)
    assert [turn.text for turn in turns if turn.speaker == "caller"] == call.record.said
    heard = "".join(call.record.heard).replace(" ", "")
    assert all(turn.heard.replace(" ", "") in heard for turn in turns if turn.speaker == "assistant")


async def a_session_that_breaks_off_goes_on(house: VoiceHouse) -> None:
    caller = Driven()
    call = ring(house, caller, cut_after_s=8.0)
    await caller.asked("How can I help?", "How do I restart my router?")
    await caller.hears("we were cut off")
    caller.hang_up()
    await call.over.wait()
    row = await house.left(call.record.sid, MediaState.LOST)
    assert (row.transport, row.stream_generation) == ("conversation_relay", 2)
    numbers = [turn.number for turn in await house.turns(call.record.sid)]
    assert min(numbers) == 1
    assert max(numbers) > 1000
    assert caller.heard.count(GREETING) == 1


async def a_session_that_never_comes_about_is_a_media_stream(house: VoiceHouse) -> None:
    caller = Driven()
    call = ring(house, caller, wrong_signature=True)
    await caller.hears("How can I help?")
    caller.hang_up()
    await call.over.wait()
    row = await house.call(call.record.sid)
    assert (row.transport, row.stream_generation) == ("media_streams", 2)
    assert len(call.record.streams) == 1


async def a_caller_hangs_up(house: VoiceHouse) -> None:
    """Nobody tells the voice room why the socket closed; the record closes with what it knew."""
    caller = Driven()
    call = ring(house, caller)
    await caller.asked("How can I help?", "How do I restart my router?")
    await caller.hears("Is there anything else I can help you with?")
    await caller.quiet()
    caller.hang_up()
    await call.over.wait()

    async def closed() -> bool:
        return (await house.conversation(call.record.sid)).closed_at is not None

    await wait_for_async(closed, 5, "the conversation to be closed")
    assert (await house.conversation(call.record.sid)).outcome == Outcome.ANSWERED
    assert (await house.call(call.record.sid)).stream_generation == 1
