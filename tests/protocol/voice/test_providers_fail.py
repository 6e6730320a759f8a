"""What a call leans on fails in its middle: the caller is never left in silence, and the record misses nothing."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

import pytest
from redis.asyncio import Redis

from lab.deepgram.faults import Faults, ListenFaults, SpeakFaults
from lab.elevenlabs.app import make_app as make_elevenlabs
from lab.elevenlabs.state import ElevenLabs
from services.gateway.watch.kept_calls import KeptCallsWatch
from services.gateway.webhooks.billing import Billing
from shared.admission.slots import Slots
from shared.clock import SystemClock
from shared.contracts.calls import MediaState, NextStep
from shared.contracts.conversations import Outcome, Speaker
from shared.rates.card import packaged_card
from shared.record.kept_calls import KeptCalls
from shared.task_group import TaskSet
from tests.serving import serving
from tests.speech_house import ELEVENLABS
from tests.tcp_proxy import TcpProxy, before
from tests.voice_house import GREETING, Driven, VoiceHouse, all_at_once, voice_house
from tests.waiting import wait_for_async

QUESTION = "How do I restart my router?"
ANSWER = "wait ten seconds"


@pytest.mark.alone
async def test_whatever_fails_the_caller_hears_a_voice(database_url: str, redis_url: str) -> None:
    async with AsyncExitStack() as stack:

        async def a_house(through: str | None = None, **more: Any) -> VoiceHouse:
            return await stack.enter_async_context(voice_house(database_url, redis_url, through=through, **more))

        elevenlabs = ElevenLabs()
        elevenlabs_url = await stack.enter_async_context(serving(make_elevenlabs(elevenlabs)))
        two_voices: dict[str, Any] = {
            "agent": {"other_voices": [ELEVENLABS]},
            "elevenlabs_api_key": "lab",
            "elevenlabs_url": elevenlabs_url,
        }
        proxy, address = await stack.enter_async_context(before(database_url))
        redis, redis_address = await stack.enter_async_context(before(redis_url))
        without_redis = await stack.enter_async_context(voice_house(database_url, redis_address))

        await all_at_once(
            hearing_cut=hearing_is_cut_while_the_caller_talks(await a_house()),
            hearing_refused=hearing_is_refused(await a_house()),
            strange_words=words_in_no_language(await a_house()),
            speech_cut=speech_is_cut_in_the_middle_of_a_sentence(await a_house()),
            another_voice=another_voice_takes_over(await a_house(**two_voices), elevenlabs),
            speech_hangs=speech_cannot_be_had(await a_house(), SpeakFaults(says_nothing=True)),
            speech_empty=speech_cannot_be_had(await a_house(), SpeakFaults(sends_no_sound=True)),
            knowledge_hangs=knowledge_hangs(await a_house()),
            knowledge_fails=knowledge_fails(await a_house()),
            database_away=the_database_is_away(await a_house(address), proxy),
            redis_frozen=redis_stands_still(without_redis, redis),
        )


async def hearing_is_cut_while_the_caller_talks(house: VoiceHouse) -> None:
    house.deepgram.faults.set(Faults(listen=ListenFaults(sockets=1, cut_after_characters=12)))
    caller = Driven()
    call = house.ring(caller)
    await caller.asked("How can I help", QUESTION)
    await caller.hears(ANSWER)
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, MediaState.FINISHED)
    said = [turn.text for turn in await house.turns(call.record.sid) if turn.speaker == Speaker.CALLER]
    assert said == [QUESTION]
    assert house.deepgram.counts["listen_opened"] == 2


async def hearing_is_refused(house: VoiceHouse) -> None:
    house.deepgram.faults.set(Faults(listen=ListenFaults(refuse=402)))
    caller = Driven()
    call = house.ring(caller)
    await call.over.wait()
    assert caller.heard.endswith("I can't hear you at the moment. Please stay on the line.")
    await _is_handed_on(house, call.record.sid)


async def words_in_no_language(house: VoiceHouse) -> None:
    house.deepgram.faults.set(Faults(listen=ListenFaults(hears="ʘ‿ʘ \x00¤¤ \x0b")))
    caller = Driven()
    call = house.ring(caller)
    await caller.asked("How can I help", "anything")
    heard = caller.heard
    await caller.until(lambda: len(caller.heard) > len(heard) + 20)
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, MediaState.FINISHED)
    assert [turn.text for turn in await house.turns(call.record.sid)][1] == "ʘ‿ʘ ¤¤"


async def speech_is_cut_in_the_middle_of_a_sentence(house: VoiceHouse) -> None:
    house.deepgram.faults.set(Faults(speak=SpeakFaults(sockets=1, cut_after_bytes=24_000)))
    opened = house.deepgram.counts["speak_opened"]
    caller = Driven()
    call = house.ring(caller)
    await caller.asked("How can I help", QUESTION)
    await caller.hears("anything else")
    told = caller.heard.replace(" ", "")
    for words in ("Unplug the router", "ten seconds", "plug it in again", "ready after two minutes"):
        assert words.replace(" ", "") in told
    assert told.count("Unplug") == 1
    caller.hang_up()
    await call.over.wait()
    assert house.deepgram.counts["speak_opened"] == opened + 2


async def another_voice_takes_over(house: VoiceHouse, other: ElevenLabs) -> None:
    house.deepgram.faults.set(Faults(speak=SpeakFaults(says_nothing=True)))
    caller = Driven()
    call = house.ring(caller)
    await caller.asked("How can I help", QUESTION)
    await caller.until(lambda: not caller.speaks)
    silent_since = time.monotonic()
    await caller.hears("Here is")
    assert time.monotonic() - silent_since - len("Here is") / 25 < 2.5
    await caller.hears("ready after two minutes")
    assert other.counts["opened"] == 1
    caller.hang_up()
    await call.over.wait()
    row = await house.left(call.record.sid, MediaState.FINISHED)
    assert row.next_step == NextStep.HANG_UP
    assert any("Unplug the router" in turn.heard for turn in await house.turns(call.record.sid))


async def speech_cannot_be_had(house: VoiceHouse, faults: SpeakFaults) -> None:
    house.deepgram.faults.set(Faults(speak=faults))
    caller = Driven()
    call = house.ring(caller)
    await caller.asked("How can I help", QUESTION)
    await caller.until(lambda: not caller.speaks)
    silent_since = time.monotonic()
    await caller.hears("trouble with my voice")
    silence = time.monotonic() - silent_since - len("I'm sorry, I have trouble with my voice") / 25
    assert silence < 3.0
    await call.over.wait()
    await _is_handed_on(house, call.record.sid)
    unheard = [turn for turn in await house.turns(call.record.sid) if "Unplug" in turn.text]
    assert [turn.heard for turn in unheard] == [""]


async def _is_handed_on(house: VoiceHouse, call_sid: str) -> None:
    row = await house.left(call_sid, MediaState.FINISHED)
    assert row.next_step == NextStep.APOLOGISE
    assert call_sid in house.exchange.after


async def knowledge_hangs(house: VoiceHouse) -> None:
    house.knowledge.hangs = True
    await _is_promised_a_follow_up(house)


async def knowledge_fails(house: VoiceHouse) -> None:
    house.knowledge.status = 500
    await _is_promised_a_follow_up(house)


async def _is_promised_a_follow_up(house: VoiceHouse) -> None:
    caller = Driven()
    call = house.ring(caller)
    await caller.asked("How can I help", QUESTION)
    await caller.hears("can't look that up right now")
    await caller.hears("I will open a ticket")
    await asyncio.sleep(4)
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, MediaState.FINISHED)
    assert (await house.conversation(call.record.sid)).outcome == Outcome.FOLLOW_UP


async def the_database_is_away(house: VoiceHouse, proxy: TcpProxy) -> None:
    """One call goes on through the outage, one ends in it."""
    stays, leaves = Driven(), Driven()
    first, second = house.ring(stays), house.ring(leaves)
    await asyncio.gather(stays.hears(GREETING), leaves.hears(GREETING))
    proxy.cut()
    stays.say(QUESTION)
    leaves.say(QUESTION)
    await asyncio.gather(stays.hears(ANSWER), leaves.hears(ANSWER))
    leaves.hang_up()
    await second.over.wait()
    assert await house.turns(second.record.sid) == []
    assert (await house.call(second.record.sid)).media_state == MediaState.CONNECTED
    proxy.mend()
    redis = Redis.from_url(house.settings.redis_url.get_secret_value())
    gateway = TaskSet("a gateway")
    brings_back = KeptCallsWatch(house.sessions, KeptCalls(redis), Billing(packaged_card()), SystemClock())
    gateway.start(brings_back.run(), "kept calls")

    row = await house.left(second.record.sid, MediaState.FINISHED, within_s=8)
    assert row.next_step == NextStep.HANG_UP
    stays.hang_up()
    await first.over.wait()
    await house.left(first.record.sid, MediaState.FINISHED)
    for call in (first, second):
        turns = await house.turns(call.record.sid)
        assert [turn.number for turn in turns] == list(range(1, len(turns) + 1))
        assert QUESTION in [turn.text for turn in turns if turn.speaker == Speaker.CALLER]
        assert any("Unplug the router" in turn.heard for turn in turns)
    await gateway.close()
    await redis.aclose()


async def redis_stands_still(house: VoiceHouse, proxy: TcpProxy) -> None:
    """One call goes on meanwhile, one comes; of both every word is in the record, and slots are published again."""
    stays, comes = Driven(), Driven()
    first = house.ring(stays)
    await stays.hears(GREETING)
    proxy.freeze()
    began = time.monotonic()
    second = house.ring(comes)
    await comes.hears(GREETING)
    assert time.monotonic() - began < 4, "a token is burnt here when Redis does not take it"
    for caller in (stays, comes):
        caller.say(QUESTION)
    await asyncio.gather(stays.hears(ANSWER), comes.hears(ANSWER))
    proxy.mend()
    for caller, call in ((stays, first), (comes, second)):
        caller.hang_up()
        await call.over.wait()
        await house.left(call.record.sid, MediaState.FINISHED)
        turns = await house.turns(call.record.sid)
        assert QUESTION in [turn.text for turn in turns if turn.speaker == Speaker.CALLER]
        assert any("Unplug the router" in turn.heard for turn in turns)
    slots = Slots(house.wiring._redis)

    async def published() -> bool:
        return (await slots.look()).processes > 0

    await wait_for_async(published, 5, "slots to be published again")
