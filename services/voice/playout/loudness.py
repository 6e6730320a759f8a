"""Where μ-law audio is quiet: a place to begin in the middle of a sentence without cutting a word."""

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


def between_words(audio: bytes) -> int | None:
    """Where the quietest 20 ms begin, when they are a pause and not just a softer sound; None when nothing is."""
    loudness = [
        sum(audio[place : place + WINDOW].translate(_LOUDNESS)) for place in range(0, len(audio) - WINDOW + 1, WINDOW)
    ]
    if not loudness or min(loudness) * QUIET * len(loudness) > sum(loudness):
        return None
    return loudness.index(min(loudness)) * WINDOW
