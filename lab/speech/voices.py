"""The sound of a letter: two formants on a pitch for vowels, noise for hissing consonants, a murmur for pauses.

Made once per voice and letter and kept. The lowest bit of every sample is left free for the letter itself.
"""

from __future__ import annotations

import math
import random
from functools import lru_cache

from lab.speech.mulaw import FRAME, RATE, encoded

SAMPLES = 2 * FRAME
"""Samples of one character: 40 ms, so 25 characters a second."""
PITCHES = (100, 175, 150, 125, 200, 225)
"""Hertz, by voice. Multiples of 25, so that 40 ms hold whole cycles and letters join without a click."""
LOUD = 5000.0
"""Peak amplitude of a letter, about -16 dBFS."""

# fmt: off
_FORMANTS = {
    "a": (730, 1090), "e": (530, 1840), "i": (270, 2290), "o": (570, 840), "u": (300, 870), "y": (390, 1990),
    "b": (200, 900), "d": (250, 1700), "g": (250, 2000), "j": (270, 2100), "l": (360, 1300), "m": (250, 1000),
    "n": (270, 1500), "r": (420, 1200), "v": (250, 1100), "w": (290, 700), "z": (250, 1800),
}
# fmt: on
_HISSES = {"c": 2600, "f": 1500, "h": 1100, "k": 1900, "p": 800, "q": 1700, "s": 3400, "t": 2900, "x": 3200}
"""Centre of the noise in hertz."""


@lru_cache(maxsize=4096)
def sound_of(voice: int, letter: str) -> tuple[int, int]:
    """Both 20 ms halves of a letter as integers of 160 bytes, lowest bits zero, ready to be joined with data."""
    if letter.isalpha() or letter.isdigit():
        folded = letter.lower()
        if folded not in _FORMANTS and folded not in _HISSES:
            folded = "aeiouybdglmnrvwz"[ord(letter) % 16]
        wave = _hiss(_HISSES[folded]) if folded in _HISSES else _vowel(_pitch(voice), *_FORMANTS[folded])
    else:
        wave = [LOUD / 4 * sample for sample in _tone(_pitch(voice))]
    codes = bytes(encoded(int(sample)) & 0xFE for sample in wave)
    return int.from_bytes(codes[:FRAME]), int.from_bytes(codes[FRAME:])


def _pitch(voice: int) -> int:
    return PITCHES[voice % len(PITCHES)]


def _tone(hertz: float) -> list[float]:
    return [math.sin(2 * math.pi * hertz * n / RATE) for n in range(SAMPLES)]


def _vowel(pitch: int, first: int, second: int) -> list[float]:
    """Harmonics of the pitch, strongest near the two formants, scaled to LOUD."""
    wave = [0.0] * SAMPLES
    for hertz in range(pitch, 3400, pitch):
        strength = 1 / (1 + ((hertz - first) / 90) ** 2) + 0.6 / (1 + ((hertz - second) / 130) ** 2)
        wave = [old + strength * new for old, new in zip(wave, _tone(hertz), strict=True)]
    peak = max(map(abs, wave))
    return [sample * LOUD / peak for sample in wave]


def _hiss(centre: int) -> list[float]:
    """Noise around a frequency, the same every time."""
    chance = random.Random(centre)  # noqa: S311  (a sound, not a secret)
    return [LOUD * (0.4 + 0.3 * chance.random()) * sample for sample in _tone(centre)]
