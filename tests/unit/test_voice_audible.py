"""What counts as speech: static does not, and no recorded caller is taken for static."""

from __future__ import annotations

import random
import zlib
from pathlib import Path

import pytest

from lab.speech.encoder import Speaker, encode
from services.voice.speech.audible import JUDGED, is_static
from services.voice.speech.last_resort import last_resort

WORDS = "Unplug the router, wait ten seconds, and plug it in again. It is ready after two minutes."


def taken_for_static(audio: bytes) -> int:
    """Pieces of 100 ms, one every 10 ms."""
    return sum(is_static(audio[at : at + JUDGED]) for at in range(0, len(audio) - JUDGED, 80))


@pytest.mark.parametrize("seed", range(20))
def test_bytes_of_another_encoding_are_static(seed: int) -> None:
    dice = random.Random(seed)
    assert is_static(dice.randbytes(JUDGED))
    packed = zlib.compress(" ".join(str(dice.random()) for _ in range(400)).encode())
    assert is_static(packed[100 : 100 + JUDGED])


@pytest.mark.parametrize("speaker", list(Speaker))
def test_speech_is_not_static(speaker: Speaker) -> None:
    assert taken_for_static(encode(WORDS, speaker)) == 0


def test_what_we_ship_is_not_static() -> None:
    assert [taken_for_static(audio) for audio in last_resort("en").values()] == [0, 0]


def test_no_recorded_caller_is_taken_for_static(shared_data: Path) -> None:
    spoken = sorted(shared_data.glob("audio/**/*.ulaw"))
    assert spoken
    assert {one.name: taken_for_static(one.read_bytes()) for one in spoken} == {one.name: 0 for one in spoken}
