"""What the lowest bits of 20 ms carry: who speaks, which utterance, which place in it, which character.

Both halves of a character carry the same packet, so that either is enough to hear it. Bits, first to last:

    24 sync · 8 speaker · 16 utterance · 16 position
    1 second half · 1 last of the utterance · 1 unused · 21 code point · 16 checksum (CRC-CCITT)
"""

from __future__ import annotations

import struct
from binascii import crc_hqx
from typing import NamedTuple

from lab.speech.mulaw import FRAME

SYNC = b"\x00\x00\x00\x01\x01\x00\x01\x00\x01\x01\x00\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00"
"""One bit a byte. It ends in zeros and holds zeros early on, so that silence (all ones) never completes it."""
BITS = 104
"""Samples one packet takes, sync included; the other 56 of a frame carry nothing."""
LOWEST_BITS = bytes(code & 1 for code in range(256))
"""For `bytes.translate`: one byte of 0 or 1 a sample."""

_BODY = struct.Struct(">BHHI")
_CHECK = struct.Struct(">H")
_SECOND_HALF, _LAST = 1 << 23, 1 << 22
_AS_DIGITS = bytes.maketrans(b"\x00\x01", b"01")
_AS_BITS = bytes.maketrans(b"01", b"\x00\x01")


class Packet(NamedTuple):
    """One character on the wire."""

    speaker: int
    utterance: int
    position: int
    """Characters before it in its utterance, modulo 65536."""
    character: str
    is_last: bool
    is_second_half: bool


def pack(packet: Packet) -> int:
    """The packet as an integer of 160 bytes, one bit in the lowest place of each, to be joined with a sound."""
    flags = _SECOND_HALF * packet.is_second_half | _LAST * packet.is_last
    body = _BODY.pack(packet.speaker, packet.utterance, packet.position, ord(packet.character) | flags)
    # The highest byte of the 32-bit character field is always zero and is not sent.
    sent = body[:5] + body[6:]
    bits = int.from_bytes(sent + _CHECK.pack(crc_hqx(sent, 0xFFFF)))
    return int.from_bytes((SYNC + f"{bits:080b}".encode().translate(_AS_BITS)).ljust(FRAME, b"\x00"))


def unpack(bits: bytes) -> Packet | None:
    """The packet in 104 bits that begin with the sync, or None when the checksum does not fit."""
    received = int(bits[len(SYNC) :].translate(_AS_DIGITS), 2).to_bytes(10)
    sent = received[:8]
    if crc_hqx(sent, 0xFFFF) != _CHECK.unpack(received[8:])[0]:
        return None
    speaker, utterance, position, field = _BODY.unpack(sent[:5] + b"\x00" + sent[5:])
    code = field & 0x1FFFFF
    if code > 0x10FFFF:
        return None
    return Packet(speaker, utterance, position, chr(code), bool(field & _LAST), bool(field & _SECOND_HALF))
