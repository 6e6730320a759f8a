"""Text into lab speech."""

from __future__ import annotations

from enum import IntEnum

from lab.speech.mulaw import FRAME, RATE
from lab.speech.packets import Packet, pack
from lab.speech.voices import SAMPLES, sound_of

CHARACTERS_A_SECOND = RATE // SAMPLES


class Speaker(IntEnum):
    """Whose voice it is; also chooses the pitch."""

    UNKNOWN = 0
    CALLER = 1
    ASSISTANT = 2
    NETWORK = 3
    """The telephone network's own voice: what TwiML says."""
    COLLEAGUE = 4
    """Somebody a call was put through to."""


def encode(text: str, speaker: int, utterance: int = 0) -> bytes:
    """`text` as 8 kHz μ-law, 320 bytes a character.

    `utterance` tells sentences with the same words apart; it counts modulo 65536. Lone surrogates, which no UTF-8 text
    holds, are spoken as the replacement character.
    """
    clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    last = len(clean) - 1
    halves = []
    for place, character in enumerate(clean):
        first, second = sound_of(speaker, character)
        packet = Packet(speaker & 0xFF, utterance & 0xFFFF, place & 0xFFFF, character, place == last, False)
        halves.append((first | pack(packet)).to_bytes(FRAME))
        halves.append((second | pack(packet._replace(is_second_half=True))).to_bytes(FRAME))
    return b"".join(halves)
