"""Is it sound that somebody can hear? An open socket, silence, an error page and static are not. Pure."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, product
from typing import Final

FRAME: Final = 160
"""Bytes of 20 ms."""
LOUDNESS: Final = bytes(~code & 0x7F for code in range(256))
"""For `bytes.translate`: each μ-law code's magnitude, 0 for silence to 127, roughly logarithmic."""
FAINTEST: Final = 16
"""Mean magnitude of 20 ms that can be heard: about -48 dBFS, above what a voice breathes between words."""
NOT_SOUND: Final = (b"RIFF", b"OggS", b"ID3", b"fLaC", b'{"', b"<!", b"<h", b"HTTP")
"""How files, error documents and pages begin. As raw μ-law they would be a crackle."""

JUDGED: Final = 800
"""Bytes in which static can be told: 100 ms."""
_FULL: Final = bytes(code for code in range(256) if ~code & 0x60 == 0x60)
"""Samples over a quarter of full scale. They are a quarter of all codes; in speech there are mostly fewer."""
_FULL_IN_STATIC: Final = (0.15, 0.36)
_CLASS: Final = bytes(code >> 6 & 2 | (~code & 0x40) >> 6 for code in range(256))
"""Each code's sign and whether it is loud: four classes of 64 codes."""
_PAIRS: Final = tuple(product(range(4), range(4)))
MOST_UNEVEN: Final = 150.0
"""χ² of the sixteen pairs of neighbouring classes, over 800 bytes. 20,000 pieces of random bytes reach 79; 77 pieces of
recorded callers and voices, made up to four times too loud, that were as loud as static began at 371."""


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


def is_static(audio: bytes) -> bool:
    """Whether these `JUDGED` bytes are no raw audio: compressed, encrypted, or of another encoding than was asked for.

    Played as μ-law such bytes are a roar in which nothing can be understood. In them every code is as likely as any
    other whatever came before it; of a voice, however loud or hoarse, the next sample depends on the last.
    """
    fewest, most = _FULL_IN_STATIC
    if not fewest <= 1 - len(audio.translate(None, _FULL)) / len(audio) <= most:
        return False
    seen, expected = Counter(pairwise(audio.translate(_CLASS))), (len(audio) - 1) / len(_PAIRS)
    return sum((seen[pair] - expected) ** 2 for pair in _PAIRS) / expected < MOST_UNEVEN
