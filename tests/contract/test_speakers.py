"""What every voice keeps to, whoever speaks with it, against the stand-ins of their vendors."""

from __future__ import annotations

import asyncio
import time

import pytest

from services.voice.speech.arriving import FIRST_SOUND_S
from services.voice.speech.ports import SpeechRefused, SpeechUnavailable
from services.voice.speech.whole import whole
from shared.settings import SpeechCodec
from tests.speech_house import ALL, AURA, ELEVENLABS, FLUX, OPENAI, Trouble, sound_of, speech_house, words_in

every_voice = pytest.mark.parametrize("voice", ALL)


@every_voice
async def test_sentences_begun_together_each_get_their_own_sound(voice: str) -> None:
    texts = ["First one.", "And a second, longer sentence.", "Third!"]
    async with speech_house() as house, house.speaker(voice) as speaker:
        begun = [await speaker.begin(text) for text in texts]
        sounds = [await sound_of(voiced) for voiced in begun]
        assert [words_in(sound) for sound in sounds] == texts
        assert [voiced.total for voiced in begun] == [len(sound) for sound in sounds]
        assert all(voiced.sounded_at is not None and voiced.sounded_at >= voiced.sent_at for voiced in begun)
        if speaker.traits.native_mulaw:
            assert [len(sound) for sound in sounds] == [len(text) * 320 for text in texts], "nothing was converted"
        assert house.deepgram.counts["speak_overlapping_turns"] == 0


async def test_mp3_is_understood_as_well() -> None:
    async with (
        speech_house(openai_speech_format=SpeechCodec.MP3) as house,
        house.speaker(OPENAI) as speaker,
    ):
        assert words_in(await sound_of(await speaker.begin("Whole frames of MP3."))) == "Whole frames of MP3."


@pytest.mark.parametrize("voice", [AURA, ELEVENLABS])
async def test_many_sentences_one_after_another(voice: str) -> None:
    async with speech_house(generation_speed=2000.0) as house, house.speaker(voice) as speaker:
        for number in range(25):
            assert words_in(await sound_of(await speaker.begin(f"No. {number}."))) == f"No. {number}."
        assert house.elevenlabs.counts["most_contexts"] <= 4
        assert house.deepgram.counts["speak_excessive_flush"] == 0


@every_voice
async def test_after_stop_nothing_of_the_old_sentence_is_heard(voice: str) -> None:
    async with speech_house(generation_speed=4.0) as house, house.speaker(voice) as speaker:
        old = await speaker.begin("This is a very long sentence that somebody breaks into at once.")
        assert await old.read(1600)
        await speaker.stop()
        new = await speaker.begin("New words.")
        with pytest.raises(SpeechUnavailable):
            await sound_of(old)
        assert words_in(await sound_of(new)) == "New words."
        warnings = [name for name in house.deepgram.counts if name.startswith("speak_warning")]
        assert warnings == []


@pytest.mark.alone
@every_voice
async def test_speech_that_cannot_be_had_is_given_up_in_time(voice: str) -> None:
    async def meets(trouble: Trouble) -> None:
        async with speech_house() as house, house.speaker(voice) as speaker:
            house.trouble(voice, trouble)
            began = time.monotonic()
            with pytest.raises(SpeechUnavailable) as caught:
                await whole(speaker, house.voices.standing(voice), "Hello there, this is a sentence.")
            assert time.monotonic() - began < FIRST_SOUND_S + 1.5, trouble
            assert isinstance(caught.value, SpeechRefused) == (trouble is Trouble.WRONG_KEY)

    await asyncio.gather(*(meets(trouble) for trouble in Trouble))


@every_voice
async def test_a_provider_that_is_refused_or_fails_twice_is_unwell_until_it_has_spoken(voice: str) -> None:
    async with speech_house() as house, house.speaker(voice) as speaker:
        standing = house.voices.standing(voice)
        house.trouble(voice, Trouble.EMPTY)
        for well_before in (True, True, False):
            assert standing.is_well is well_before
            with pytest.raises(SpeechUnavailable):
                await whole(speaker, standing, "Hello.")
        house.trouble(voice, None)
        async with house.speaker(voice) as another:
            await whole(another, standing, "Hello.")
        assert standing.is_well


@pytest.mark.parametrize("voice", [AURA, FLUX, ELEVENLABS])
async def test_after_a_cut_the_next_sentence_has_a_socket_of_its_own(voice: str) -> None:
    async with speech_house() as house, house.speaker(voice) as speaker:
        house.trouble(voice, Trouble.CUT, times=1)
        with pytest.raises(SpeechUnavailable):
            await sound_of(await speaker.begin("Hello there, this is a sentence."))
        assert words_in(await sound_of(await speaker.begin("Again."))) == "Again."


async def test_word_times_say_which_characters_a_part_of_the_sound_speaks() -> None:
    text = "Seven words are spoken one by one."
    async with speech_house() as house, house.speaker(ELEVENLABS) as speaker:
        voiced = await speaker.begin(text)
        assert speaker.traits.word_timing
        await sound_of(voiced)
        assert [voiced.characters_within(place * 320) for place in range(len(text))] == list(range(len(text)))


async def test_a_fifth_context_waits_for_a_slot_instead_of_ending_the_socket() -> None:
    texts = [f"Sentence number {number}." for number in range(9)]
    async with speech_house(generation_speed=20.0) as house, house.speaker(ELEVENLABS) as speaker:
        begun = [await speaker.begin(text) for text in texts]
        assert [words_in(await sound_of(voiced)) for voiced in begun] == texts
        assert house.elevenlabs.counts["most_contexts"] == 4
        assert house.elevenlabs.counts["opened"] == 1
        assert house.elevenlabs.counts["phantom_context"] == 0


async def test_barge_in_over_and_over_stays_within_the_slots() -> None:
    async with speech_house(generation_speed=20.0) as house, house.speaker(ELEVENLABS) as speaker:
        for number in range(12):
            old = await speaker.begin(f"Reply {number} is interrupted in its middle.")
            await speaker.begin("What comes behind it is never heard.")
            assert await old.read(1600)
            await speaker.stop()
        assert words_in(await sound_of(await speaker.begin("At last."))) == "At last."
        assert house.elevenlabs.counts["error:max_active_conversations"] == 0
        assert house.elevenlabs.counts["opened"] == 1


async def test_flux_is_told_how_much_of_a_turn_was_played() -> None:
    async with speech_house(generation_speed=4.0) as house, house.speaker(FLUX) as speaker:
        for _ in range(3):
            old = await speaker.begin("A turn that is interrupted in its middle, every time.")
            assert await old.read(1600)
            await speaker.stop()
        assert words_in(await sound_of(await speaker.begin("The end."))) == "The end."
        assert house.deepgram.counts["speak_interrupted"] == 3
        assert house.deepgram.counts["speak_opened"] == 1
