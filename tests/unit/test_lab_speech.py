"""Lab speech: any text, in any chunks, with cuts and silence, is heard to the character."""

from __future__ import annotations

import math
from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.speech.decoder import Decoder, Letter
from lab.speech.encoder import CHARACTERS_A_SECOND, Speaker, encode
from lab.speech.mulaw import FRAME, RATE, SILENCE, encoded, from_linear16, is_sound, to_linear16
from lab.speech.transcript import Transcript, Utterance
from lab.speech.voices import PITCHES, SAMPLES
from lab.speech.wav import UnreadableSound, read_wav, wav

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


def chunked(audio: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(audio), *(cut % (len(audio) + 1) for cut in cuts)})
    return [audio[start:end] for start, end in pairwise(places)]


def heard(chunks: list[bytes]) -> list[Letter]:
    decoder = Decoder()
    return [letter for chunk in chunks for letter in decoder.feed(chunk)]


def text_of(letters: list[Letter]) -> str:
    return "".join(letter.character for letter in letters)


@given(
    text=TEXTS, cuts=st.lists(st.integers(0, 10_000), max_size=8), before=st.integers(0, 500), speaker=st.integers(0, 5)
)
def test_any_text_in_any_chunks_is_heard_with_its_times(text: str, cuts: list[int], before: int, speaker: int) -> None:
    audio = b"\xff" * before + encode(text, speaker, utterance=7) + SILENCE
    letters = heard(chunked(audio, cuts))
    assert text_of(letters) == text
    assert [letter.at for letter in letters] == [before + SAMPLES * place for place in range(len(text))]
    assert {(letter.speaker, letter.utterance, letter.missing) for letter in letters} == {(speaker, 7, 0)}
    assert [letter.is_last for letter in letters] == [False] * (len(text) - 1) + [True]


@given(
    text=TEXTS, start=st.integers(0, 5000), end=st.integers(0, 5000), cuts=st.lists(st.integers(0, 9999), max_size=4)
)
def test_a_cut_anywhere_loses_only_what_it_touches(text: str, start: int, end: int, cuts: list[int]) -> None:
    audio = encode(text, Speaker.ASSISTANT)
    start, end = sorted((start % (len(audio) + 1), end % (len(audio) + 1)))
    piece = audio[start:end]
    letters = heard(chunked(piece, cuts)) if piece else []
    whole = text[-(-start // SAMPLES) : end // SAMPLES]
    touched = text[start // SAMPLES : -(-end // SAMPLES)]
    assert whole in text_of(letters)
    assert text_of(letters) in touched
    if letters and start >= SAMPLES:
        assert letters[0].missing == letters[0].position > 0


@given(text=TEXTS, gaps=st.lists(st.tuples(st.integers(0, 12), st.integers(1, 700)), max_size=3))
def test_silence_between_letters_changes_nothing_but_times(text: str, gaps: list[tuple[int, int]]) -> None:
    frames = [encode(text, Speaker.CALLER)[place : place + FRAME] for place in range(0, len(text) * SAMPLES, FRAME)]
    for place, length in gaps:
        frames.insert(place % (len(frames) + 1), b"\xff" * length)
    assert text_of(heard(frames)) == text


@given(text=TEXTS, place=st.integers(0, 10_000), length=st.integers(1, 400))
def test_silence_in_the_middle_of_a_letter_is_bridged_by_its_other_half(text: str, place: int, length: int) -> None:
    audio = encode(text, Speaker.CALLER)
    place %= len(audio)
    assert text_of(heard([audio[:place], b"\xff" * length, audio[place:]])) == text


@given(text=st.text(alphabet="abcdef", min_size=3, max_size=12), lost=st.integers(0, 100), many=st.integers(1, 3))
def test_lost_letters_are_counted(text: str, lost: int, many: int) -> None:
    lost %= len(text) - 1
    many = min(many, len(text) - 1 - lost)
    audio = encode(text, Speaker.ASSISTANT)
    letters = heard([audio[: lost * SAMPLES] + audio[(lost + many) * SAMPLES :]])
    assert text_of(letters) == text[:lost] + text[lost + many :]
    assert sum(letter.missing for letter in letters) == many


@given(noise=st.binary(max_size=4000))
def test_noise_says_nothing(noise: bytes) -> None:
    assert heard([noise]) == []


def test_what_is_played_twice_is_heard_twice() -> None:
    audio = encode("Yes.", Speaker.CALLER)
    assert text_of(heard([audio, audio])) == "Yes.Yes."


def test_half_a_letter_pair_is_spoken_as_the_replacement_character() -> None:
    assert text_of(heard([encode("a\ud800b😀", Speaker.CALLER)])) == "a�b😀"


def test_a_sentence_lasts_as_long_as_at_25_characters_a_second() -> None:
    assert len(encode("x" * 50, Speaker.CALLER)) == 2 * RATE
    assert CHARACTERS_A_SECOND == 25


def test_every_frame_of_speech_is_sound_and_silence_is_not() -> None:
    audio = encode("Quick, jumpy fox! 0123456789 äß你", Speaker.ASSISTANT)
    assert all(is_sound(audio[place : place + FRAME]) for place in range(0, len(audio), FRAME))
    assert not is_sound(SILENCE)
    assert not is_sound(b"\x7e\xfe" * 80)  # the hiss of a quiet line


def test_silence_is_measured_from_the_last_sound() -> None:
    decoder = Decoder()
    decoder.feed(SILENCE * 3)
    assert (decoder.quiet, decoder.sounds) == (3 * FRAME, 0)
    decoder.feed(encode("hi", Speaker.CALLER) + b"\xff" * 500)
    assert (decoder.quiet, decoder.sounds) == (480, 4)


def test_a_vowel_keeps_the_pitch_of_its_voice() -> None:
    """The data must not be all there is to hear."""
    samples = array("h", to_linear16(encode("aaaa", Speaker.CALLER)))

    def likeness(shift: int) -> float:
        pairs = list(zip(samples, samples[shift:], strict=False))
        return sum(a * b for a, b in pairs) / math.sqrt(sum(a * a for a, _ in pairs) * sum(b * b for _, b in pairs))

    period = max(range(20, 80), key=likeness)
    assert period == pytest.approx(RATE / PITCHES[Speaker.CALLER], abs=1)
    assert likeness(period) > 0.8


@given(st.binary(max_size=400), st.sampled_from([8000, 16000, 24000, 48000]))
def test_linear_sound_keeps_every_code(audio: bytes, rate: int) -> None:
    positive_zero = audio.replace(b"\x7f", b"\xff")  # μ-law has two zeros, linear sound one
    assert from_linear16(to_linear16(audio, rate), rate) == positive_zero


def test_codes_are_those_of_g711() -> None:
    assert [encoded(sample) for sample in (0, -1, 1000, -1000, 32767, -32768)] == [0xFF, 0x7F, 0xCE, 0x4E, 0x80, 0x00]


def test_wav_files_are_read_as_they_were_written() -> None:
    audio = encode("file", Speaker.NETWORK)
    assert read_wav(wav(audio)) == audio
    for broken in (b"", b"RIFF....WAVE", b"ID3" + audio, wav(audio)[:30], wav(audio).replace(b"\x40\x1f", b"\x44\xac")):
        with pytest.raises(UnreadableSound):
            read_wav(broken)


def spoken(*sounds: bytes) -> list[Utterance]:
    decoder, transcript, over = Decoder(), Transcript(), []
    for sound in sounds:
        for place in range(0, len(sound), FRAME):
            over += transcript.add(decoder.feed(sound[place : place + FRAME]), decoder.heard)
    return over + transcript.close()


def test_utterances_have_speaker_times_and_say_whether_they_were_whole() -> None:
    hello = encode("Hello.", Speaker.ASSISTANT, 1)
    found = spoken(SILENCE * 5, hello, encode("Bye now.", Speaker.ASSISTANT, 2)[: 3 * SAMPLES])
    assert found == [
        Utterance(Speaker.ASSISTANT, "Hello.", 0.1, 0.34, is_complete=True, missing=0),
        Utterance(Speaker.ASSISTANT, "Bye", 0.34, 0.46, is_complete=False, missing=0),
    ]


def test_a_long_pause_reports_what_was_said_so_far_and_the_rest_afterwards() -> None:
    audio = encode("One two", Speaker.CALLER)
    found = spoken(audio[: 3 * SAMPLES], SILENCE * 40, audio[3 * SAMPLES :])
    assert [(one.text, one.is_complete) for one in found] == [("One", False), (" two", True)]


def test_letters_lost_on_the_way_are_reported_with_the_utterance() -> None:
    audio = encode("Hello there.", Speaker.CALLER)
    (found,) = spoken(audio[: 2 * SAMPLES] + audio[5 * SAMPLES :])
    assert (found.text, found.missing, found.is_complete) == ("He there.", 3, False)
