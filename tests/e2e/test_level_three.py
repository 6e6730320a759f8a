"""A person sets level 3 while callers talk to the assistant: a person takes them, or a message does."""

from __future__ import annotations

from dataclasses import replace

from lab.twilio.call import Call as PlacedCall
from lab.twilio.settings import Callee, PhoneNumber
from shared.contracts.calls import MediaState, RecordingKind, TransferOutcome
from shared.contracts.conversations import Outcome, Speaker
from shared.database.models import Recording, Transfer
from shared.security.api_keys import Scope
from tests.gateway_house import PERSON, House, served_gateway
from tests.gateway_house import settings_for as gateway_settings
from tests.voice_house import (
    GREETING,
    OUR_NUMBER,
    PUBLIC,
    VOICE,
    Driven,
    VoiceHouse,
    all_at_once,
    voice_house,
)
from tests.waiting import wait_for_async

ANOTHER_NUMBER = "+18005550102"
QUESTION = "How do I restart my router?"
ANSWER = "wait ten seconds"


async def test_level_three_is_set_in_the_middle_of_calls(database_url: str, redis_url: str) -> None:
    async with (
        voice_house(database_url, redis_url) as voice,
        served_gateway(gateway_settings(database_url, redis_url, voice_public_url=VOICE)) as (gateway, address),
    ):
        await gateway.agent(OUR_NUMBER, greeting=GREETING, transfer_number=PERSON)
        await gateway.agent(ANOTHER_NUMBER, greeting=GREETING, takes_messages=True)
        number = PhoneNumber(voice_url=f"{PUBLIC}/twilio/voice", status_callback=f"{PUBLIC}/twilio/status")
        voice.network.settings = replace(
            voice.network.settings,
            numbers={OUR_NUMBER: number, ANOTHER_NUMBER: number},
            callees={PERSON: Callee(answers_after_s=0.1, talks_for_s=2)},
            origins={PUBLIC: address, VOICE: voice.address},
        )
        asks, leaves, late = Driven(), Driven(), Driven()
        put_through = voice.network.call_in("+12025550123", asks, OUR_NUMBER)
        recorded = voice.network.call_in("+12025550124", leaves, ANOTHER_NUMBER)
        for caller in (asks, leaves):
            await caller.hears("How can I help")
            await caller.quiet()
        await set_level_three(gateway, voice)
        new = voice.network.call_in("+12025550125", late, OUR_NUMBER)
        await all_at_once(
            put_through=is_put_through(voice, asks, put_through),
            recorded=leaves_a_message(voice, leaves, recorded),
            new=never_meets_the_assistant(voice, late, new),
        )


async def set_level_three(gateway: House, voice: VoiceHouse) -> None:
    """By the API; every process hears of it within a second."""
    client = await gateway.client(Scope.OPERATIONS_WRITE)
    wanted = {"level": 3, "reason": "the model says things that are not true", "expires_in_s": 60}
    assert (await client.post("/api/v1/degradation", json=wanted)).status_code == 200

    async def known() -> bool:
        return voice.wiring._conversations.ladder.level == 3 and gateway.wiring.ladder.level == 3

    await wait_for_async(known, 3, "both processes to hear of the level")


async def is_put_through(voice: VoiceHouse, caller: Driven, call: PlacedCall) -> None:
    caller.say(QUESTION)
    await caller.hears("putting you through")
    await caller.hears("this is a colleague")
    assert ANSWER not in caller.heard
    await call.over.wait()
    row, turns = await voice.call(call.record.sid), await voice.turns(call.record.sid)
    assert (row.media_state, row.stream_generation) == (MediaState.FINISHED, 1)
    assert [turn.text for turn in turns if turn.speaker == Speaker.CALLER] == [QUESTION], "what they asked is kept"
    async with voice.sessions() as session:
        transfer = await session.get_one(Transfer, row.id)
    assert transfer.outcome == TransferOutcome.ACCEPTED
    assert (await voice.conversation(call.record.sid)).outcome == Outcome.TRANSFERRED


async def leaves_a_message(voice: VoiceHouse, caller: Driven, call: PlacedCall) -> None:
    caller.say(QUESTION)
    await caller.hears("when you are done.")
    caller.say("Please call me back.")
    await caller.until(lambda: not caller.speaks)
    caller.press("#")
    await caller.hears("we have your message")
    await call.over.wait()
    (made,) = call.record.recordings
    async with voice.sessions() as session:
        kept = await session.get_one(Recording, made.sid)
    assert kept.kind == RecordingKind.MESSAGE
    assert (await voice.conversation(call.record.sid)).outcome == Outcome.REFUSED, "a ticket says to call back"


async def never_meets_the_assistant(voice: VoiceHouse, caller: Driven, call: PlacedCall) -> None:
    await caller.hears("this is a colleague")
    assert GREETING not in caller.heard
    await call.over.wait()
    assert await voice.turns(call.record.sid) == []
