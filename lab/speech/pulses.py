"""Lab speech for a path that changes the samples: 24 kHz PCM that is resampled, MP3.

The lowest bits do not survive that, so here a bit is a pulse of three samples at 8 kHz, up or down, and its sign is all
that counts. It sounds like a modem. A character takes 40 ms as in `encoder.py` and carries the same packet, once.
"""

from __future__ import annotations

from array import array

from lab.speech.mulaw import FRAME, RATE
from lab.speech.packets import BITS, SYNC, Packet, pack, unpack

SAMPLES = 3
"""Of one pulse at 8 kHz: at most 1333 Hz, far inside the telephone's band."""
LENGTH = BITS * SAMPLES
"""Samples of one packet at 8 kHz; the other 8 of a character are quiet."""
LEVEL = 6000
"""About -15 dBFS."""
SIGNS = bytes(code >> 7 for code in range(256))
"""For `bytes.translate`: 1 for a μ-law sample above zero."""


def encode_pulses(text: str, speaker: int, utterance: int = 0, rate: int = RATE) -> bytes:
    """`text` as little-endian 16-bit samples at `rate`, a multiple of 8000."""
    times = rate // RATE
    samples = array("h")
    for place, character in enumerate(text):
        packet = Packet(speaker & 0xFF, utterance & 0xFFFF, place & 0xFFFF, character, place == len(text) - 1, False)
        for bit in pack(packet).to_bytes(FRAME)[:BITS]:
            samples.extend((LEVEL if bit else -LEVEL,) * (SAMPLES * times))
        samples.extend((0,) * ((2 * FRAME - LENGTH) * times))
    return samples.tobytes()


class PulseReader:
    """Finds packets in a stream of μ-law, whatever was done to it on its way."""

    def __init__(self) -> None:
        self._signs = b""
        """Of samples not yet understood."""

    def feed(self, audio: bytes) -> list[tuple[Packet, int]]:
        """Packets that this chunk completes, and how many samples before the chunk's end each began."""
        self._signs += audio.translate(SIGNS)
        found = []
        while (first := self._first()) is not None:
            packet, at = first
            found.append((packet, len(self._signs) - at))
            self._signs = self._signs[at + LENGTH :]
        self._signs = self._signs[-LENGTH - SAMPLES :]  # as much as an unfinished packet takes
        return found

    def _first(self) -> tuple[Packet, int] | None:
        """The earliest whole packet and where it begins: one of three ways to take every third sample is in step."""
        best: tuple[Packet, int] | None = None
        for phase in range(SAMPLES):
            lane = self._signs[phase::SAMPLES]
            place = lane.find(SYNC)
            while place >= 0 and place + BITS <= len(lane):
                packet = unpack(lane[place : place + BITS])
                if packet is not None:
                    at = phase + place * SAMPLES
                    best = (packet, at) if best is None or at < best[1] else best
                    break
                place = lane.find(SYNC, place + 1)
        return best
