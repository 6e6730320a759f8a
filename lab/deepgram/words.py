"""Letters gathered into the words of a transcript."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from lab.speech.decoder import Letter
from lab.speech.mulaw import RATE
from lab.speech.voices import SAMPLES


class Word(NamedTuple):
    """One word as it was spoken, with its times in seconds since the stream began."""

    text: str
    start: float
    end: float

    @property
    def plain(self) -> str:
        """Lower case, without the punctuation around it."""
        return self.text.lower().strip(".,;:!?…\"'()[]«»„“”¿¡-–—")


def gather(letters: Sequence[Letter]) -> list[Word]:
    """The words in a run of letters; a blank or a new utterance ends one."""
    words: list[Word] = []
    current: list[Letter] = []
    for letter in letters:
        if current and (letter.character.isspace() or letter.position < current[-1].position):
            words.append(_word(current))
            current = []
        if not letter.character.isspace():
            current.append(letter)
    if current:
        words.append(_word(current))
    return words


def _word(letters: list[Letter]) -> Word:
    text = "".join(letter.character for letter in letters)
    return Word(text, letters[0].at / RATE, (letters[-1].at + SAMPLES) / RATE)


def spread(text: str, start: float, end: float) -> list[Word]:
    """The words of `text` over a time in which something else was said."""
    parts = text.split()
    step = (end - start) / max(len(parts), 1)
    return [Word(part, start + step * place, start + step * (place + 1)) for place, part in enumerate(parts)]


def alternative(words: Iterable[Word], keeps_form: bool, confidence: float) -> dict[str, Any]:
    """One alternative of a result, in the vendor's form."""
    spoken = [word for word in words if keeps_form or word.plain]
    return {
        "transcript": " ".join(word.text if keeps_form else word.plain for word in spoken),
        "confidence": confidence if spoken else 0.0,
        "words": [
            {"word": word.plain, "start": round(word.start, 3), "end": round(word.end, 3), "confidence": confidence}
            | ({"punctuated_word": word.text} if keeps_form else {})
            for word in spoken
        ],
    }
