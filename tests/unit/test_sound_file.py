"""A whole file of a recorded sentence becomes telephone sound, or is refused with a reason."""

from __future__ import annotations

import struct

import pytest

from lab.openai.speech import mp3
from lab.speech.encoder import Speaker, encode
from lab.speech.wav import wav
from services.voice.speech.conversion import NotAudio
from services.voice.speech.sound_file import sound_of
from tests.unit.test_voice_conversion import noise


def stereo(seconds: float, rate: int = 44_100) -> bytes:
    """16-bit PCM of two channels, as a studio delivers it."""
    samples = b"".join(struct.pack("<hh", value, value) for value in (0, 9000, 0, -9000) * round(seconds * rate / 4))
    fmt = struct.pack("<HHIIHH", 1, 2, rate, rate * 4, 4, 16)
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def test_a_telephone_file_stays_as_it_is() -> None:
    sound = encode("Welcome to Fernway.", Speaker.COLLEAGUE)
    assert sound_of(wav(sound), 30) == sound


@pytest.mark.parametrize("file", [stereo(0.5), mp3(noise(0.5))], ids=["studio", "mp3"])
def test_other_rates_channels_and_codecs_are_converted(file: bytes) -> None:
    assert len(sound_of(file, 30)) == pytest.approx(4000, abs=600)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "neither"),
        (b"<html>not found</html>", "neither"),
        (b"#EXTM3U\nhttps://example.com/other", "neither"),
        (b"RIFF\x00\x00\x00\x00WAVEnothing more", "."),
        (b"ID3 and nothing more", "."),
        (stereo(2.5), "longer than 2 s"),
    ],
)
def test_what_is_no_short_recording_is_refused(file: bytes, reason: str) -> None:
    with pytest.raises(NotAudio, match=reason):
        sound_of(file, 2)
