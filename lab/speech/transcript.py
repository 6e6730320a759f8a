"""Characters gathered into utterances with times."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from lab.speech.decoder import Letter
from lab.speech.mulaw import RATE
from lab.speech.voices import SAMPLES

PAUSE = RATE * 6 // 10
"""Samples without a letter after which an utterance is reported, even if it may go on: 0.6 s."""


class Utterance(msgspec.Struct, frozen=True):
    """What one voice said without a break, as it came over the line."""

    speaker: int
    text: str
    began_s: float
    """Seconds since listening began."""
    ended_s: float
    is_complete: bool
    """It was heard to its last character: neither cut off nor still going on."""
    missing: int
    """Characters lost inside it or before it."""


class Transcript:
    """Turns letters into utterances."""

    def __init__(self) -> None:
        self._letters: list[Letter] = []

    @property
    def current(self) -> str:
        """The words of the utterance that is going on."""
        return "".join(letter.character for letter in self._letters)

    def add(self, letters: Iterable[Letter], heard: int) -> list[Utterance]:
        """The utterances that are over now; `heard` is the number of samples listened to so far."""
        over = []
        for letter in letters:
            if self._letters and not _goes_on(self._letters[-1], letter):
                over += self.close()
            self._letters.append(letter)
            if letter.is_last:
                over += self.close()
        if self._letters and heard - self._letters[-1].at > PAUSE:
            over += self.close()
        return over

    def close(self) -> list[Utterance]:
        """The utterance that was going on, if there was one: the line is over."""
        letters, self._letters = self._letters, []
        if not letters:
            return []
        text = "".join(letter.character for letter in letters)
        missing = sum(letter.missing for letter in letters)
        return [
            Utterance(
                speaker=letters[0].speaker,
                text=text,
                began_s=letters[0].at / RATE,
                ended_s=(letters[-1].at + SAMPLES) / RATE,
                is_complete=letters[-1].is_last and missing == 0,
                missing=missing,
            )
        ]


def _goes_on(before: Letter, after: Letter) -> bool:
    return (before.speaker, before.utterance) == (after.speaker, after.utterance) and after.position > before.position
