"""Is it sound that somebody can hear? An open socket, silence and an error page are not. Pure."""

from __future__ import annotations

from typing import Final

FRAME: Final = 160
"""Bytes of 20 ms."""
LOUDNESS: Final = bytes(~code & 0x7F for code in range(256))
"""For `bytes.translate`: each μ-law code's magnitude, 0 for silence to 127, roughly logarithmic."""
FAINTEST: Final = 16
"""Mean magnitude of 20 ms that can be heard: about -48 dBFS, above what a voice breathes between words."""
NOT_SOUND: Final = (b"RIFF", b"OggS", b"ID3", b"fLaC", b'{"', b"<!", b"<h", b"HTTP")
"""How files, error documents and pages begin. As raw μ-law they would be a crackle."""


def first_audible(audio: bytes | bytearray) -> int | None:
    """Where the first audible 20 ms of this μ-law begin, or None."""
    loudness = audio.translate(LOUDNESS)
    for start in range(0, len(loudness), FRAME):
        frame = loudness[start : start + FRAME]
        if sum(frame) > FAINTEST * len(frame):
            return start
    return None


def is_no_sound(audio: bytes | bytearray) -> bool:
    """Whether this beginning of an answer is something else than raw audio."""
    return audio.startswith(NOT_SOUND)
