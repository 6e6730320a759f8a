"""WAV files of telephone sound: read what TwiML may play, write what was recorded."""

from __future__ import annotations

import struct

from lab.speech.mulaw import RATE, from_linear16

MULAW = 7
"""The format number of G.711 μ-law in a WAV header."""


class UnreadableSound(Exception):
    """The bytes are no WAV file that a telephone line can take; the message says why."""


def wav(audio: bytes, channels: int = 1) -> bytes:
    """8 kHz μ-law with a WAV header before it; more channels are interleaved byte by byte."""
    fmt = struct.pack("<HHIIHHH", MULAW, channels, RATE, RATE * channels, channels, 8, 0)
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(audio)) + audio
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def read_wav(file: bytes) -> bytes:
    """The μ-law sound of a WAV file: mono, μ-law at 8 kHz or 16-bit PCM at a multiple of it.

    Raises UnreadableSound.
    """
    if file[:4] != b"RIFF" or file[8:12] != b"WAVE":
        raise UnreadableSound("not a WAV file")
    layout: tuple[int, int, int, int] | None = None
    place = 12
    while place + 8 <= len(file):
        name, size = file[place : place + 4], struct.unpack_from("<I", file, place + 4)[0]
        if name == b"fmt " and place + 24 <= len(file):
            kind, channels, rate = struct.unpack_from("<HHI", file, place + 8)
            layout = kind, channels, rate, struct.unpack_from("<H", file, place + 22)[0]
        elif name == b"data":
            # A streamed file states a size it cannot know; then the sound goes on to the end.
            return _telephone(layout, file[place + 8 : place + 8 + size])
        place += 8 + size + size % 2
    raise UnreadableSound("a WAV file without sound")


def _telephone(layout: tuple[int, int, int, int] | None, sound: bytes) -> bytes:
    match layout:
        case (7, 1, 8000, 8):
            return sound
        case (1 | 0xFFFE, 1, rate, 16) if rate % RATE == 0:
            return from_linear16(sound, rate)
    raise UnreadableSound(f"neither mono μ-law at 8 kHz nor mono 16-bit PCM at a multiple of it: {layout}")
