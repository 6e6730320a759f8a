"""How long words take: between positions in a text and positions in its audio."""

from __future__ import annotations

from typing import Final

BYTES_PER_SECOND: Final = 8000
"""μ-law on a telephone line."""
USUAL_BYTES_PER_CHARACTER: Final = 530.0
"""About 15 characters a second, until a voice has been heard."""


class Pace:
    """How fast one voice speaks, learned from its complete sentences."""

    def __init__(self) -> None:
        self._bytes = 0
        self._characters = 0

    def learn(self, audio_bytes: int, text: str) -> None:
        """A whole sentence took this long."""
        self._bytes += audio_bytes
        self._characters += len(text)

    @property
    def bytes_per_character(self) -> float:
        """Audio of one character, on average."""
        return self._bytes / self._characters if self._characters and self._bytes else USUAL_BYTES_PER_CHARACTER


def words_within(text: str, characters: int) -> str:
    """The whole words among the first `characters` of `text`."""
    if characters >= len(text):
        return text
    if characters <= 0:
        return ""
    if text[characters].isspace():
        return text[:characters].rstrip()
    return text[: max(text.rfind(" ", 0, characters), 0)].rstrip()
