"""The caller breaks in: we fall silent, and the record says what was heard, as the far end itself counted it."""

from __future__ import annotations

import asyncio

from prometheus_client import REGISTRY

from lab.deepgram.settings import Settings as DeepgramPace
from lab.twilio.call import Call
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
            listens=only_listens(house),
            echo=hears_itself(house),
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
    await caller.until(lambda: not caller.speaks)
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
    """A sound without words silences us for a moment; then we go on from the clause it cut short."""
    caller = Driven()
    call = house.ring(caller)
    await caller.hears("Hello, this")
    caller.make_noise(0.6)
    await caller.hears("How can I help?")
    caller.make_noise(0.6)
    await goes_on_to_the_end(house, caller, call)
    assert len([event for event in call.record.events if isinstance(event, BufferCleared)]) == 1


async def only_listens(house: VoiceHouse) -> None:
    """Words of a listener are no turn: nothing is answered, and no word of ours is lost."""
    caller = Driven()
    call = house.ring(caller)
    await caller.hears("Hello, this is")
    caller.say("Mm-hm.")
    await caller.hears("How can I help?")
    await goes_on_to_the_end(house, caller, call)


async def hears_itself(house: VoiceHouse) -> None:
    """A loudspeaker gives our own words back."""
    caller = Driven()
    call = house.ring(caller)
    await caller.hears("this is Fernway.")
    caller.say("this is Fernway.")
    await caller.hears("How can I help?")
    await goes_on_to_the_end(house, caller, call)


async def goes_on_to_the_end(house: VoiceHouse, caller: Driven, call: Call) -> None:
    """The greeting is heard whole, and nothing follows it but our own next question."""
    await caller.quiet()
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, MediaState.FINISHED)
    greeting, *others = await house.turns(call.record.sid)
    assert not greeting.interrupted
    assert greeting.heard == greeting.text
    assert greeting.heard.startswith(GREETING)
    assert [turn for turn in others if turn.speaker == Speaker.CALLER] == []
    assert _is_contained(greeting.text, caller.heard)
    assert call.record.problems == []


def _is_contained(text: str, heard: str) -> bool:
    """Whether all of `text` was heard in its order, however much of it twice."""
    letters = iter(heard)
    return all(letter in letters for letter in text.replace(" ", ""))


async def test_flux_interrupts_and_ends_turns_in_a_whole_call(database_url: str, redis_url: str) -> None:
    async with voice_house(database_url, redis_url, deepgram_listen_model="flux-general-en") as house:
        await all_at_once(breaks_in=breaks_in(house, "ten seconds, and"), listens=only_listens(house))
        assert house.deepgram.counts["flux_opened"] >= 2
        assert house.deepgram.counts["listen_opened"] == 0


async def test_a_protected_notice_is_said_to_its_end(database_url: str, redis_url: str) -> None:
    async with voice_house(database_url, redis_url, voice_protects_notice=True) as house:
        caller = Driven()
        call = house.ring(caller)
        await caller.hears("AI")
        caller.say("How do I restart my router?")
        await caller.hears("wait ten seconds", within_s=20)
        caller.hang_up()
        await call.over.wait()
        await house.left(call.record.sid, MediaState.FINISHED)
        greeting = (await house.turns(call.record.sid))[0]
        assert "I am an AI assistant" in greeting.heard
        assert caller.heard.count("I am an AI assistant") == 1
