"""Several voices for one agent: who speaks, who takes over, and that the caller hears every word once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from lab.deepgram.faults import Faults, SpeakFaults
from services.voice.speech import probes as probing
from services.voice.speech import voices as all_voices
from services.voice.speech.apologies import apologies_in
from services.voice.speech.audible import first_audible
from services.voice.speech.pace import Pace
from services.voice.speech.ports import SpeechUnavailable
from services.voice.speech.probes import Probes
from services.voice.speech.standing import Standing
from services.voice.speech.voice import Candidate, Voice, in_order
from services.voice.speech.warm_up import WarmUp
from shared.clock import SystemClock
from shared.contracts.agents import AgentProfile, VoicePreference
from shared.contracts.conversations import EmailPolicy, TicketPolicy
from shared.conversation.ports import Sentence
from shared.rates.usage import Meter, Product
from shared.resilience.circuit import Rules
from tests.speech_house import (
    ALL,
    AURA,
    ELEVENLABS,
    FLUX,
    OPENAI,
    SpeechHouse,
    Trouble,
    sound_of,
    speech_house,
    words_in,
)
from tests.waiting import wait_for_async

LONG = "Unplug the router, wait ten seconds, and then plug it in again."


def a_profile(voices: Sequence[str], **fields: Any) -> AgentProfile:
    values: dict[str, Any] = {
        "id": uuid4(),
        "name": "Fern",
        "company": "Fernway",
        "language": "en",
        "voice": voices[0],
        "other_voices": voices[1:],
        "greeting": "Hello.",
        "instructions": "",
        "tone": "brief",
        "knowledge_collection": "default",
        "tools": (),
        "ticket_policy": TicketPolicy.EVERY_CONVERSATION,
        "email_policy": EmailPolicy.ALWAYS,
        "transfer_number": None,
        **fields,
    }
    return AgentProfile(**values)


@asynccontextmanager
async def a_voice(house: SpeechHouse, *voices: str, **fields: Any) -> AsyncIterator[Voice]:
    for name in voices:  # lab speech is exactly this fast
        house.voices.pace(name).learn(320, "x")
    voice = house.voices.of(a_profile(voices, **fields), Meter())
    try:
        yield voice
    finally:
        await voice.close()


def is_said_once(heard: str) -> bool:
    """Every word of LONG in its order; at most the word that was cut is heard again from its beginning."""
    joints = [at for at in range(len(heard) + 1) if LONG.startswith(heard[:at]) and LONG.endswith(heard[at:].strip())]
    return bool(joints) and len(heard) <= len(LONG) + len("seconds, ")


@pytest.mark.parametrize("first", ALL)
async def test_another_provider_finishes_a_sentence_that_was_cut(first: str) -> None:
    second = ELEVENLABS if first != ELEVENLABS else AURA
    async with speech_house() as house, a_voice(house, first, second) as voice:
        house.trouble(first, Trouble.CUT, times=1)
        audio = await sound_of(await voice.begin(Sentence(LONG)))
        assert is_said_once(words_in(audio)), words_in(audio)
        assert words_in(await sound_of(await voice.begin(Sentence("And on.")))) == "And on."
        spoke_on = house.elevenlabs if second == ELEVENLABS else house.deepgram
        characters = "characters" if second == ELEVENLABS else "speak_characters"
        assert spoke_on.counts[characters] > len("And on."), "the call stays with the voice that works"


@pytest.mark.parametrize("first", [AURA, FLUX])
async def test_static_is_nobodys_voice_and_nothing_of_it_is_heard(first: str) -> None:
    async with speech_house() as house, a_voice(house, first, ELEVENLABS) as voice:
        house.deepgram.faults.set(Faults(speak=SpeakFaults(sends_noise=True)))
        heard = await sound_of(await voice.begin(Sentence(LONG)))
        assert (words_in(heard), len(heard)) == (LONG, 320 * len(LONG))


async def test_static_is_not_kept_as_a_fixed_sentence() -> None:
    async with speech_house() as house:
        house.deepgram.faults.set(Faults(speak=SpeakFaults(sends_noise=True, sockets=1)))
        warm_up = WarmUp(house.voices, house.cache)
        warm_up.want(AURA, ["How can I help you today?"])
        await warm_up.wait()
        await warm_up.close()
        assert words_in(house.cache.get(AURA, "How can I help you today?") or b"") == "How can I help you today?"


async def test_with_word_times_the_cut_is_found_exactly() -> None:
    async with speech_house() as house, a_voice(house, ELEVENLABS, AURA) as voice:
        house.trouble(ELEVENLABS, Trouble.CUT, times=1)  # after 8000 bytes: "Unplug the router, wait t"
        house.voices.pace(ELEVENLABS).learn(1_000_000, "x")  # what would be guessed is far off
        heard = words_in(await sound_of(await voice.begin(Sentence(LONG))))
        assert heard.endswith("ten seconds, and then plug it in again.")
        assert is_said_once(heard)


@pytest.mark.alone
async def test_one_provider_that_fails_makes_no_long_silence() -> None:
    async def meets(trouble: Trouble) -> None:
        async with speech_house() as house, a_voice(house, AURA, ELEVENLABS) as voice:
            house.trouble(AURA, trouble)
            for _ in range(2):
                began = time.monotonic()
                voiced = await voice.begin(Sentence(LONG))
                first = await voiced.read(1600)
                assert first_audible(first) is not None
                assert time.monotonic() - began < 2.5, trouble
                assert is_said_once(words_in(first + await sound_of(voiced))), trouble

    await asyncio.gather(*(meets(trouble) for trouble in Trouble))


async def test_when_nobody_speaks_the_recording_does_and_soon() -> None:
    async with speech_house() as house, a_voice(house, AURA, ELEVENLABS, OPENAI) as voice:
        for provider in (AURA, ELEVENLABS, OPENAI):
            house.trouble(provider, Trouble.HANGS)
        began = time.monotonic()
        with pytest.raises(SpeechUnavailable):
            await sound_of(await voice.begin(Sentence(LONG)))
        assert time.monotonic() - began < 4.5
        apology = apologies_in("en-GB").cannot_speak
        assert voice.kept(apology)
        recorded = await sound_of(await voice.begin(Sentence(apology, is_fixed=True)))
        assert 3 * 8000 < len(recorded) < 6 * 8000
        assert first_audible(recorded) is not None


@pytest.mark.parametrize("language", ["en", "en-US", "fi"])
async def test_every_apology_comes_with_the_program(language: str) -> None:
    async with speech_house() as house, a_voice(house, "aura-2-thalia-en", language=language) as voice:
        assert all(voice.kept(text) for text in apologies_in(language).all)
        assert not voice.kept("Hello.")


async def test_an_agent_whose_voice_nobody_speaks_still_apologises() -> None:
    async with speech_house(elevenlabs_api_key=None) as house, a_voice(house, ELEVENLABS) as voice:
        with pytest.raises(SpeechUnavailable):
            await voice.begin(Sentence(LONG))
        assert voice.kept(apologies_in("en").cannot_speak)


async def test_kept_audio_is_in_the_agents_own_voice_even_while_its_provider_is_away() -> None:
    async with speech_house() as house, a_voice(house, AURA, ELEVENLABS) as voice:
        warm_up = WarmUp(house.voices, house.cache)
        warm_up.want(AURA, ["Hello."])
        await warm_up.wait()
        house.trouble(AURA, Trouble.WRONG_KEY)
        await sound_of(await voice.begin(Sentence(LONG)))
        spoken = house.elevenlabs.counts["characters"]
        assert words_in(await sound_of(await voice.begin(Sentence("Hello.", is_fixed=True)))) == "Hello."
        assert house.elevenlabs.counts["characters"] == spoken
        await warm_up.close()


async def test_phrases_are_warmed_in_every_vendors_voice() -> None:
    async with speech_house() as house:
        warm_up = WarmUp(house.voices, house.cache)
        for voice in ALL:
            warm_up.want(voice, ["One.", "Two."])
        await warm_up.wait()
        await warm_up.close()
        for voice in ALL:
            assert [words_in(house.cache.get(voice, text) or b"") for text in ("One.", "Two.")] == ["One.", "Two."]


async def test_a_probe_finds_out_that_an_outage_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_voices, "RULES", Rules(failures=2, rest_s=0.1))
    async with speech_house() as house, a_voice(house, AURA, FLUX) as voice:
        standing = house.voices.standing(AURA)
        house.trouble(AURA, Trouble.BUSY)
        for _ in range(3):
            with pytest.raises(SpeechUnavailable):
                await sound_of(await voice.begin(Sentence("Hello.")))
        assert not standing.is_well
        probes = Probes(house.voices, SystemClock(), quiet_s=0)
        probes.watch([AURA, FLUX])
        house.trouble(AURA, None)
        trying = asyncio.create_task(house.board.run())

        async def is_well() -> bool:
            return standing.is_well

        await wait_for_async(is_well, 5, "a probe to succeed")
        await probes.close()
        trying.cancel()


async def test_a_provider_nobody_has_heard_for_long_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "LOOK_S", 0.02)
    async with speech_house() as house:
        probes = Probes(house.voices, SystemClock(), quiet_s=0.1)
        probes.watch([ELEVENLABS])
        house.trouble(ELEVENLABS, Trouble.WRONG_KEY)

        async def is_unwell() -> bool:
            return not house.voices.standing(ELEVENLABS).is_well

        await wait_for_async(is_unwell, 5, "a probe to find that out before a caller does")
        await probes.close()


def test_the_line_puts_the_well_before_the_unwell_and_the_wish_behind_that() -> None:
    clock = SystemClock()

    def candidate(name: str, first_sound_s: float) -> Candidate:
        class Named:
            pass

        speaker: Any = Named()
        speaker.name = name
        return Candidate(speaker, Pace(), Standing(f"test-{name}", first_sound_s, clock), Product("test", name))

    fine, quick, spare = candidate("fine", 0.4), candidate("quick", 0.1), candidate("spare", 0.2)
    line = [fine, quick, spare]
    quality, latency = VoicePreference.QUALITY, VoicePreference.LATENCY
    assert in_order(line, quality, 0.0) == [fine, quick, spare]
    assert in_order(line, latency, 0.0) == [quick, spare, fine]
    quick.standing.shunned(for_good=True)
    assert in_order(line, latency, 0.0) == [spare, fine, quick]
    assert in_order(line, quality, 0.0) == [fine, spare, quick]
    fine.rests_until = 10.0
    assert in_order(line, quality, 5.0) == [spare, quick, fine]
    assert in_order(line, quality, 11.0) == [fine, spare, quick]
    for _ in range(30):
        fine.standing.sounded(0.05)
    assert in_order(line, latency, 11.0) == [fine, spare, quick]
