"""The caller's audio that may have to be recognised again: a bounded tail, addressed by position in the call."""

from __future__ import annotations

from typing import Final

BYTES_PER_SECOND: Final = 8000
"""μ-law on a telephone line: one byte a sample."""
LONGEST: Final = 10 * BYTES_PER_SECOND
"""What is kept at most. More would stay late for long: a recogniser takes about 1.25 times real time."""
UNWORDED: Final = int(1.5 * BYTES_PER_SECOND)
"""How much of what nothing was heard in is worth hearing again: a first guess takes up to a second."""


class HeardAudio:
    """The last seconds of a call's audio. Positions count bytes since the call began."""

    def __init__(self) -> None:
        self.begins = 0
        """Where the oldest audio that is kept begins."""
        self._kept = bytearray()

    @property
    def end(self) -> int:
        """Where the next audio will begin."""
        return self.begins + len(self._kept)

    def append(self, audio: bytes, most: int = LONGEST) -> None:
        """Add the newest audio; the oldest goes when that makes more than `most` bytes."""
        self._kept += audio
        excess = len(self._kept) - most
        if excess > 0:
            self._forget(excess)

    def since(self, position: int) -> tuple[int, bytes]:
        """What is kept from `position` on, and where that begins: later, when the beginning is gone."""
        begins = max(position, self.begins)
        return begins, bytes(self._kept[begins - self.begins :])

    def settled(self, position: int) -> None:
        """Everything before `position` has been recognised for good."""
        if position > self.begins:
            self._forget(min(position - self.begins, len(self._kept)))

    def replay_from(self, fed: int, *, words_pending: bool) -> int:
        """Where a new recogniser should begin, so that nothing is lost and nothing is heard twice.

        With words that were guessed and never settled: at the first of them. Otherwise a little back, or at `fed`,
        before which every byte has been given to a recogniser.
        """
        return self.begins if words_pending else max(self.begins, min(fed, self.end - UNWORDED))

    def _forget(self, count: int) -> None:
        del self._kept[:count]
        self.begins += count
