"""Where μ-law audio is quiet: a place to begin in the middle of a sentence without cutting a word."""

from __future__ import annotations

from typing import Final

WINDOW: Final = 160
"""Bytes: 20 ms."""
SEARCHED: Final = 20 * WINDOW
"""How far we look: 0.4 s."""
_LOUDNESS: Final = bytes(
    min(255, ((((~byte & 0x0F) << 3) + 0x84 << ((~byte & 0x70) >> 4)) - 0x84) >> 7) for byte in range(256)
)
"""G.711: the size of each byte's sample, in 256 steps."""


def quietest(audio: bytes) -> int:
    """Where the quietest 20 ms within the first 0.4 s begin; 0 when there is nothing to choose from."""
    places = range(0, min(len(audio), SEARCHED) - WINDOW + 1, WINDOW)
    return min(places, key=lambda place: sum(audio[place : place + WINDOW].translate(_LOUDNESS)), default=0)
