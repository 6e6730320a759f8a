"""A caller asks for German in a running call: ears, voice and sentences change, over either transport."""

from __future__ import annotations

from typing import Any

from shared.contracts.relay import RelayLanguage, RelayOptions
from shared.conversation.phrases import Phrase, phrase
from shared.record.language import language_of
from tests.protocol.voice.test_bad_input import ANSWER, QUESTION
from tests.voice_house import Driven, VoiceHouse, all_at_once, an_agent, voice_house

VOICE = "aura-2-julius-de"
AGENT: dict[str, Any] = {"languages": [{"code": "de-DE", "voice": VOICE}]}
CLARIFY = phrase("de", Phrase.CLARIFY)


async def test_over_media_streams_ears_and_voice_change(database_url: str, redis_url: str) -> None:
    async with voice_house(database_url, redis_url, agent=AGENT) as house:
        await all_at_once(german=is_served_in_german(house), refused=is_refused_spanish(house))
        counts = house.deepgram.counts
        assert counts["listen_language:de-DE"] == 1
        assert counts[f"speak_voice:{VOICE}"] >= 1


async def test_over_a_relay_session_twilio_is_told_or_tells(database_url: str, redis_url: str) -> None:
    async with voice_house(database_url, redis_url, agent=AGENT, relay=RelayOptions()) as house:
        await all_at_once(
            german=is_served_in_german(house),
            refused=is_refused_spanish(house),
            told=is_heard_to_speak_german(house),
        )
        spoken = {(relay.speech_language, relay.hearing_language) for relay in sessions_of(house)}
        assert spoken == {("de-DE", "de-DE"), ("en-US", "en-US"), ("de-DE", "multi")}


async def is_heard_to_speak_german(house: VoiceHouse) -> None:
    """Nobody has to ask where Twilio says what it heard."""
    several = RelayOptions(languages=(RelayLanguage(code="multi"),))
    agent_id = await an_agent(house.sessions, **AGENT, relay=several.model_dump(mode="json"))
    caller, usual = Driven(), house.relay
    house.relay = several
    call = house.ring(caller, rows={"agent_id": agent_id})
    house.relay = usual
    await caller.asked("How can I help?", "Ich habe eine Frage, bitte.")
    await caller.hears(CLARIFY)
    caller.hang_up()
    await call.over.wait()
    assert call.record.problems == []


def sessions_of(house: VoiceHouse) -> list[Any]:
    return [relay for record in house.network.records() for relay in record.relays]


async def is_served_in_german(house: VoiceHouse) -> None:
    caller = Driven()
    call = house.ring(caller)
    await caller.asked("How can I help?", "Do you speak German?")
    await caller.hears("sprechen wir Deutsch")
    caller.say("Ich habe eine Frage.")  # while the socket that hears German is being opened, and over our words
    await caller.hears(CLARIFY)
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, house.hung_up)
    said = [turn.text for turn in await house.turns(call.record.sid) if turn.speaker == "caller"]
    assert said == ["Do you speak German?", "Ich habe eine Frage."]
    assert language_of(await house.conversation(call.record.sid)) == "de-DE"
    assert call.record.problems == []


async def is_refused_spanish(house: VoiceHouse) -> None:
    caller = Driven()
    call = house.ring(caller)
    await caller.asked("How can I help?", "Do you speak Spanish?")
    await caller.hears(phrase("en", Phrase.NOT_THAT_LANGUAGE))
    await caller.quiet()
    caller.say(QUESTION)
    await caller.hears(ANSWER)
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, house.hung_up)
    assert language_of(await house.conversation(call.record.sid)) == "en"
