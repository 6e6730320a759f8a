"""How loud μ-law audio is: where a sentence may be taken up without cutting a word, and whether anybody speaks."""

from __future__ import annotations

from typing import Final

WINDOW: Final = 160
"""Bytes: 20 ms."""
SEARCHED: Final = 10 * WINDOW
"""How far off a guess at a place in speech may be: 0.2 s."""
QUIET: Final = 4
"""A pause is at least so many times quieter than the speech around it."""


def _loudness(byte: int) -> int:
    """The size of a sample (ITU-T G.711, table 2a), in 255 steps."""
    exponent, mantissa = (~byte & 0x70) >> 4, ~byte & 0x0F
    return ((((mantissa << 3) + 0x84) << exponent) - 0x84) * 255 // 32124


_LOUDNESS: Final = bytes(_loudness(byte) for byte in range(256))
SILENT: Final = bytes(byte for byte in range(256) if _LOUDNESS[byte] < 3)
"""Samples below about -39 dB of full scale: the noise of a line, not speech."""
SOUNDS: Final = 20
"""Bytes: one louder sample in this many is no mere click."""


def is_silent(audio: bytes) -> bool:
    """Whether hardly a sample of this is louder than the noise of a line."""
    return len(audio.translate(None, SILENT)) * SOUNDS <= len(audio)


def between_words(audio: bytes) -> int | None:
    """Where the quietest 20 ms begin, when they are a pause and not just a softer sound; None when nothing is."""
    loudness = [
        sum(audio[place : place + WINDOW].translate(_LOUDNESS)) for place in range(0, len(audio) - WINDOW + 1, WINDOW)
    ]
    if not loudness or min(loudness) * QUIET * len(loudness) > sum(loudness):
        return None
    return loudness.index(min(loudness)) * WINDOW
