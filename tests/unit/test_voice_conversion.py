"""Conversion to the telephone: the same to the bit however the audio was cut, and nothing folded into the voice."""

from __future__ import annotations

import itertools
import math
import random
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.openai.speech import mp3
from lab.speech import mulaw
from services.voice.speech.audible import first_audible
from services.voice.speech.conversion import Conversion, NotAudio, to_mulaw
from shared.settings import SpeechCodec

LEVEL = 16000


def tone(hertz: float, rate: int, seconds: float = 1.0, level: int = LEVEL) -> bytes:
    samples = (int(level * math.sin(2 * math.pi * hertz * place / rate)) for place in range(int(seconds * rate)))
    return array("h", samples).tobytes()


def noise(seconds: float, rate: int = 24000) -> bytes:
    source = random.Random(7)
    return array("h", (source.randint(-20000, 20000) for _ in range(int(seconds * rate)))).tobytes()


def converted(
    audio: bytes, codec: SpeechCodec = SpeechCodec.PCM, rate: int = 24000, cuts: list[int] | None = None
) -> bytes:
    conversion = Conversion(codec, rate)
    places = [0, *sorted(cut % (len(audio) + 1) for cut in cuts or []), len(audio)]
    pieces = [audio[begin:end] for begin, end in itertools.pairwise(places)]
    return b"".join(conversion.feed(piece) for piece in pieces) + conversion.finish()


def linear(audio: bytes) -> array[int]:
    return array("h", mulaw.to_linear16(audio))


def decibels(audio: bytes) -> float:
    """Of the middle, against a full tone at LEVEL."""
    middle = linear(audio)[800:-800]
    rms = math.sqrt(sum(sample * sample for sample in middle) / len(middle))
    return 20 * math.log10(max(rms, 1e-3) / (LEVEL / math.sqrt(2)))


NOISE = noise(0.5)
MP3 = mp3(noise(0.5))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(NOISE)), max_size=12))
def test_pcm_is_converted_to_the_same_bytes_however_it_is_cut(cuts: list[int]) -> None:
    assert converted(NOISE, cuts=cuts) == converted(NOISE)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(MP3)), max_size=12))
def test_mp3_is_converted_to_the_same_bytes_however_it_is_cut(cuts: list[int]) -> None:
    assert converted(MP3, SpeechCodec.MP3, cuts=cuts) == converted(MP3, SpeechCodec.MP3)


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 44100, 48000])
def test_no_sample_is_lost_or_added(rate: int) -> None:
    assert len(converted(tone(440, rate, 1.0), rate=rate)) == pytest.approx(8000, abs=1)


@pytest.mark.parametrize("hertz", [300, 1000, 2000, 3000, 3400])
@pytest.mark.parametrize("rate", [16000, 24000])
def test_the_telephones_band_passes(hertz: int, rate: int) -> None:
    assert decibels(converted(tone(hertz, rate), rate=rate)) == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("hertz", [4200, 4600, 5000, 6000, 7500])
@pytest.mark.parametrize("rate", [16000, 24000])
def test_what_a_telephone_cannot_carry_does_not_come_back_as_another_tone(hertz: int, rate: int) -> None:
    assert decibels(converted(tone(hertz, rate), rate=rate)) < -60


def test_a_tone_stays_one_tone_without_clicks() -> None:
    """Everything but the tone itself is the rounding of μ-law, about 38 dB below it."""
    heard = linear(converted(tone(1000, 24000), cuts=list(range(1, 48000, 997))))[800:-800]
    turn = 2 * math.pi * 1000 / 8000
    sine = sum(sample * math.sin(turn * place) for place, sample in enumerate(heard)) * 2 / len(heard)
    cosine = sum(sample * math.cos(turn * place) for place, sample in enumerate(heard)) * 2 / len(heard)
    rest = [
        sample - sine * math.sin(turn * place) - cosine * math.cos(turn * place) for place, sample in enumerate(heard)
    ]
    assert max(map(abs, rest)) < LEVEL * 0.03


def test_mulaw_is_that_of_g711() -> None:
    every = array("h", range(-32768, 32768))
    assert to_mulaw(array("H", every.tobytes())) == bytes(mulaw.encoded(sample) for sample in every)


@pytest.mark.parametrize("file", [b"RIFF\x00\x00\x00\x00WAVE", b'{"error": "no"}', b"<html>"])
def test_a_file_or_an_error_page_is_no_sound(file: bytes) -> None:
    with pytest.raises(NotAudio):
        converted(file)


@pytest.mark.parametrize("lead", [0, 100, 1600, 5000])
def test_the_first_audible_sample_is_found_behind_silence(lead: int) -> None:
    voice = converted(tone(300, 24000, 0.2, level=500))
    found = first_audible(b"\xff" * lead + voice)
    assert found is not None
    assert lead - 160 <= found <= lead + 160
    assert first_audible(b"\xff\x7f\xfe" * 1000) is None
