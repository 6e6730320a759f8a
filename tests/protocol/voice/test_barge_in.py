"""The caller breaks in: we fall silent, and the record says what was heard, as the far end itself counted it."""

from __future__ import annotations

import asyncio

from prometheus_client import REGISTRY

from lab.deepgram.settings import Settings as DeepgramPace
from lab.twilio.records import BufferCleared
from shared.contracts.calls import MediaState
from shared.contracts.conversations import Speaker
from shared.conversation.state import ConversationState
from tests.voice_house import GREETING, Driven, VoiceHouse, all_at_once, voice_house

BREAKS_IN_AT = ("Unplug", "ten seconds, and", "It is ready")


async def test_history_says_what_the_caller_heard_to_the_word(database_url: str, redis_url: str) -> None:
    cleared = _clears()
    async with (
        voice_house(database_url, redis_url) as house,
        voice_house(database_url, redis_url, pace=DeepgramPace(first_byte_s=0.8)) as slow,
    ):
        await all_at_once(
            **{words: breaks_in(house, words) for words in BREAKS_IN_AT},
            greeting=talks_over_the_greeting(house),
            noise=makes_a_noise(house),
            thinking=goes_on_speaking_while_we_think(slow),
        )
    assert _clears() - cleared >= len(BREAKS_IN_AT) + 1


def _clears() -> float:
    return REGISTRY.get_sample_value("callwright_bargein_clear_seconds_count") or 0.0


async def breaks_in(house: VoiceHouse, words: str) -> None:
    caller = Driven()
    call = house.ring(caller)
    await caller.asked("How can I help", "How do I restart my router?")
    await caller.hears(words)
    caller.say("Wait a moment.")
    await caller.until(lambda: any(isinstance(event, BufferCleared) for event in call.record.events))
    heard = caller.heard
    await caller.quiet(0.3)
    assert caller.heard == heard
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, MediaState.FINISHED)

    turns = await house.turns(call.record.sid)
    cut = next(turn for turn in turns if turn.interrupted)
    assert cut.speaker == Speaker.ASSISTANT
    assert words.split(maxsplit=1)[0] in cut.heard
    really = _heard_of(caller.heard, cut.text)
    assert really.startswith(cut.heard)
    assert len(really) - len(cut.heard) <= len(" seconds,") + 2
    state = ConversationState.from_json((await house.conversation(call.record.sid)).checkpoint)
    assert cut.heard in [utterance.text for utterance in state.history]

    dropped = [event for event in call.record.events if isinstance(event, BufferCleared)]
    assert len(dropped) == 1
    assert 0 < dropped[0].dropped_s <= 1.3
    assert call.record.problems == []


def _heard_of(heard: str, text: str) -> str:
    """How much of `text` was heard, from its beginning on; the telephone writes sentences without blanks between."""
    at = heard.index(text.split(". ", maxsplit=1)[0])
    told, position = "", 0
    while position < len(text) and at < len(heard):
        if heard[at] == text[position]:
            at += 1
        elif text[position] != " ":
            break
        told += text[position]
        position += 1
    return told


async def talks_over_the_greeting(house: VoiceHouse) -> None:
    caller = Driven()
    call = house.ring(caller)
    await caller.hears("Hello, this")
    caller.say("How do I restart my router?")
    await caller.hears("I am an AI assistant")  # the notice was cut off, so it is given again
    await caller.hears("wait ten seconds")
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, MediaState.FINISHED)
    greeting = (await house.turns(call.record.sid))[0]
    assert greeting.interrupted
    assert greeting.text.startswith(greeting.heard)
    assert "How can I help" not in greeting.heard
    assert (await house.conversation(call.record.sid)).notice_heard


async def goes_on_speaking_while_we_think(house: VoiceHouse) -> None:
    """The answer to the first half is held back while the second is being said, and then not given at all."""
    caller = Driven()
    call = house.ring(caller)
    await caller.asked("How can I help", "How do I restart my router?")
    await caller.until(lambda: not caller.speaks)
    await asyncio.sleep(0.4)  # longer than the silence that ends an utterance, shorter than it takes to answer
    caller.say("I mean the white one in the kitchen.")
    await caller.hears("wait ten seconds")
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, MediaState.FINISHED)
    turns = await house.turns(call.record.sid)
    asked = [turn.text for turn in turns if turn.speaker == Speaker.CALLER]
    assert asked == ["How do I restart my router?", "I mean the white one in the kitchen."]
    assert caller.heard.count("Here is what I found") == 1
    unheard = [turn for turn in turns if turn.speaker == Speaker.ASSISTANT and turn.text and not turn.heard]
    assert all(turn.interrupted for turn in unheard)
    assert not [event for event in call.record.events if isinstance(event, BufferCleared)]


async def makes_a_noise(house: VoiceHouse) -> None:
    """A sound without words does not interrupt."""
    caller = Driven()
    call = house.ring(caller)
    await caller.hears("Hello, this")
    caller.make_noise(0.6)
    await caller.hears("How can I help?")
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, MediaState.FINISHED)
    greeting = (await house.turns(call.record.sid))[0]
    assert not greeting.interrupted
    assert greeting.heard.startswith(GREETING)
    assert not [event for event in call.record.events if isinstance(event, BufferCleared)]
