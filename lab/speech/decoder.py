"""Lab speech back into characters, from chunks of any size, with cuts, gaps, silence and foreign sound in between."""

from __future__ import annotations

from typing import NamedTuple

from lab.speech.mulaw import FRAME, SILENCE, is_sound
from lab.speech.packets import BITS, LOWEST_BITS, SYNC, Packet, unpack
from lab.speech.pulses import PulseReader


class Letter(NamedTuple):
    """A character that was heard."""

    character: str
    speaker: int
    utterance: int
    position: int
    at: int
    """Samples since the decoder began, at the letter's first sample."""
    is_last: bool
    missing: int
    """Characters of the same utterance that should have come right before it and did not."""


class Decoder:
    """Listens to one direction of a line."""

    def __init__(self) -> None:
        self.heard = 0
        """Samples fed so far."""
        self.quiet = 0
        """Samples of silence since the last sound, counted in whole frames of 20 ms; all of them when none came yet."""
        self.sounds = 0
        """Frames of 20 ms that held sound."""
        self._bits = b""
        """Lowest bits not yet understood; they end at `heard`."""
        self._frame = b""
        """The beginning of a 20 ms frame that is not complete yet."""
        self._last: Packet | None = None
        self._pulses = PulseReader()

    def feed(self, audio: bytes) -> list[Letter]:
        """The characters that this chunk completes."""
        self.heard += len(audio)
        if audio == SILENCE and not self._frame:
            self.quiet += FRAME
            self._bits = b""  # a packet in the middle of which silence begins is lost
            return []
        self._measure(audio)
        self._bits += audio.translate(LOWEST_BITS)
        pulses = self._pulses.feed(audio)
        return self._letters() or [
            letter for packet, ago in pulses if (letter := self._letter(packet, self.heard - ago)) is not None
        ]

    def _measure(self, audio: bytes) -> None:
        waiting = self._frame + audio
        whole = len(waiting) // FRAME * FRAME
        for start in range(0, whole, FRAME):
            if is_sound(waiting[start : start + FRAME]):
                self.quiet = 0
                self.sounds += 1
            else:
                self.quiet += FRAME
        self._frame = waiting[whole:]

    def _letters(self) -> list[Letter]:
        bits, offset = self._bits, self.heard - len(self._bits)
        found: list[Letter] = []
        place = bits.find(SYNC)
        while place >= 0 and place + BITS <= len(bits):
            packet = unpack(bits[place : place + BITS])
            if packet is not None and (letter := self._letter(packet, offset + place)) is not None:
                found.append(letter)
            place = bits.find(SYNC, place + (BITS if packet is not None else 1))
        # What may still become a packet is kept: from an unfinished one on, or as much as a sync may have begun in.
        self._bits = bits[place:] if place >= 0 else bits[-(len(SYNC) - 1) :]
        return found

    def _letter(self, packet: Packet, at: int) -> Letter | None:
        """The letter of a packet, or None when its first half was heard already."""
        previous, self._last = self._last, packet
        if packet.is_second_half:
            if previous == packet._replace(is_second_half=False):
                return None
            at -= FRAME
        return Letter(
            packet.character,
            packet.speaker,
            packet.utterance,
            packet.position,
            max(at, 0),
            packet.is_last,
            _missing(previous, packet),
        )


def _missing(previous: Packet | None, packet: Packet) -> int:
    """Characters skipped right before this one: since the previous of its utterance, or since the utterance's start."""
    if (
        previous is not None
        and (previous.speaker, previous.utterance) == (packet.speaker, packet.utterance)
        and packet.position > previous.position
    ):
        return packet.position - previous.position - 1
    return packet.position
