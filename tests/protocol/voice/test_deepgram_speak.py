"""What is Aura's own, and what a call's voice makes of it; what every voice keeps to is in tests/contract."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from lab.deepgram.app import make_app
from lab.deepgram.faults import Faults, SpeakFaults
from lab.deepgram.settings import Settings
from lab.deepgram.state import Deepgram
from lab.speech.decoder import Decoder
from services.voice.deepgram_socket import DeepgramSockets
from services.voice.speech import arriving, deepgram_speak
from services.voice.speech.audio_cache import AudioCache
from services.voice.speech.deepgram_speak import TRAITS, aura_speaker
from services.voice.speech.pace import Pace
from services.voice.speech.ports import Speaker, SpeechUnavailable, Voiced
from services.voice.speech.standing import Standing
from services.voice.speech.voice import Candidate, Voice
from services.voice.speech.voices import Voices
from services.voice.speech.warm_up import WarmUp
from shared.clock import SystemClock
from shared.contracts.agents import VoicePreference
from shared.conversation.ports import Sentence
from shared.rates.usage import Meter, Product
from shared.resilience.board import Board
from tests.serving import serving
from tests.voice_house import settings_for

VOICE = "aura-2-thalia-en"
FAST = Settings(generation_speed=200.0, first_byte_s=0.02)


@asynccontextmanager
async def a_speaker(
    faults: SpeakFaults | None = None, key: str = "lab", pace: Settings = FAST
) -> AsyncIterator[tuple[Speaker, Deepgram]]:
    lab = Deepgram(pace, Faults(speak=faults or SpeakFaults()))
    async with serving(make_app(lab)) as address:
        speaker = aura_speaker(DeepgramSockets(address, key), VOICE, SystemClock(), a_standing())
        try:
            yield speaker, lab
        finally:
            await speaker.close()


def a_standing() -> Standing:
    return Standing("deepgram", TRAITS.first_sound_s, SystemClock())


async def sound_of(voiced: Voiced) -> bytes:
    audio = bytearray()
    while piece := await voiced.read(1600):
        audio += piece
    return bytes(audio)


def words_in(audio: bytes) -> str:
    return "".join(letter.character for letter in Decoder().feed(audio))


async def test_sound_in_odd_pieces_is_complete() -> None:
    async with a_speaker(SpeakFaults(ragged=True)) as (speaker, _):
        assert words_in(await sound_of(await speaker.begin("Odd pieces, whole words."))) == "Odd pieces, whole words."


async def test_no_sentence_falls_victim_to_the_limit_of_flushes() -> None:
    async with a_speaker() as (speaker, lab):
        for number in range(45):
            assert words_in(await sound_of(await speaker.begin(f"No. {number}."))) == f"No. {number}."
        assert lab.counts["speak_excessive_flush"] == 0
        assert lab.counts["speak_opened"] == 3


async def test_a_socket_is_replaced_before_the_vendor_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deepgram_speak, "OLDEST_S", 0.2)
    async with a_speaker() as (speaker, lab):
        await sound_of(await speaker.begin("Before."))
        await asyncio.sleep(0.3)
        assert words_in(await sound_of(await speaker.begin("After."))) == "After."
        assert lab.counts["speak_opened"] == 2


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(SpeakFaults(close_after_bytes=100), id="closed"),
        pytest.param(SpeakFaults(warning="EXCESSIVE_FLUSH", says_nothing=True), id="lost-flush"),
    ],
)
async def test_speech_that_cannot_be_had_is_given_up_in_time(faults: SpeakFaults) -> None:
    async with a_speaker(faults) as (speaker, _):
        began = time.monotonic()
        with pytest.raises(SpeechUnavailable):
            await sound_of(await speaker.begin("Hello there."))
        assert time.monotonic() - began < arriving.FIRST_SOUND_S + 0.3


def a_voice(speaker: Speaker, cache: AudioCache) -> Voice:
    pace = Pace()
    pace.learn(320, "x")
    line = [Candidate(speaker, pace, a_standing(), Product("deepgram", "aura-2"))]
    return Voice(line, VoicePreference.QUALITY, cache, {}, {}, pace, SystemClock(), Meter())


LONG = "Unplug the router, wait ten seconds, and then plug it in again."


@pytest.mark.parametrize("cut_at", [1, 3000, 9999, 12_000, len(LONG) * 320 - 1])
async def test_a_sentence_that_breaks_off_is_taken_up_at_the_word_and_never_from_the_start(cut_at: int) -> None:
    async with a_speaker(SpeakFaults(sockets=1, cut_after_bytes=cut_at)) as (speaker, lab):
        heard = words_in(await sound_of(await a_voice(speaker, AudioCache()).begin(Sentence(LONG))))
        joints = [at for at in range(len(heard)) if LONG.startswith(heard[:at]) and LONG.endswith(heard[at:].strip())]
        assert joints
        assert len(LONG) - 1 <= len(heard) <= len(LONG) + len("seconds, ")
        assert lab.counts["speak_opened"] == 2


async def test_speech_that_fails_twice_is_reported() -> None:
    async with a_speaker(SpeakFaults(cut_after_bytes=1000)) as (speaker, lab):
        with pytest.raises(SpeechUnavailable):
            await sound_of(await a_voice(speaker, AudioCache()).begin(Sentence(LONG)))
        assert lab.counts["speak_opened"] == 2


async def test_a_fixed_sentence_is_synthesised_once_and_callers_words_are_never_kept() -> None:
    cache = AudioCache()
    async with a_speaker() as (speaker, lab):
        voice = a_voice(speaker, cache)
        for _ in range(3):
            assert words_in(await sound_of(await voice.begin(Sentence("Goodbye!", is_fixed=True)))) == "Goodbye!"
        assert lab.counts["speak_characters"] == len("Goodbye!")
        await sound_of(await voice.begin(Sentence("I heard jane at example dot com.")))
        assert cache.size == len("Goodbye!") * 320
        assert voice.kept("Goodbye!")


def voices(address: str, cache: AudioCache, key: str = "lab") -> Voices:
    secret = SecretStr(key)
    settings = settings_for(
        "postgresql://nowhere/none", "redis://nowhere", deepgram_url=address, deepgram_api_key=secret
    )
    clock = SystemClock()
    return Voices(settings, DeepgramSockets(address, key), cache, clock, Board("test", clock, None))


async def test_phrases_are_ready_before_a_caller_needs_them() -> None:
    lab, cache = Deepgram(FAST), AudioCache()
    texts = ["One.", "Two.", "Three."]
    async with serving(make_app(lab)) as address:
        known = voices(address, cache)
        warm_up = WarmUp(known, cache)
        warm_up.want(VOICE, texts[:2])
        warm_up.want(VOICE, texts[1:])
        await warm_up.wait()
        await warm_up.close()
        await known.close()
    assert [words_in(cache.get(VOICE, text) or b"") for text in texts] == texts
    assert lab.counts["rest_speak"] == len(texts)


async def test_a_voice_that_is_refused_is_not_asked_for_again() -> None:
    lab, cache = Deepgram(FAST), AudioCache()
    async with serving(make_app(lab)) as address:
        known = voices(address, cache, "wrong")
        warm_up = WarmUp(known, cache)
        texts = [f"Sentence {number}." for number in range(30)]
        warm_up.want(VOICE, texts)
        await warm_up.wait()
        warm_up.want(VOICE, texts)
        await warm_up.wait()
        assert lab.counts["rest_refused:401"] == 1
        await warm_up.close()
        await known.close()
