"""The caller's audio that may have to be recognised again."""

from __future__ import annotations

from typing import Final

from services.voice.audio_tail import AudioTail

BYTES_PER_SECOND: Final = 8000
"""μ-law on a telephone line: one byte a sample."""
LONGEST: Final = 10 * BYTES_PER_SECOND
"""What is kept at most. More would stay late for long: a recogniser takes about 1.25 times real time."""
UNWORDED: Final = int(1.5 * BYTES_PER_SECOND)
"""How much of what nothing was heard in is worth hearing again: a first guess takes up to a second."""


class HeardAudio(AudioTail):
    """The last seconds of a call's audio."""

    def replay_from(self, fed: int, *, words_pending: bool) -> int:
        """Where a new recogniser should begin, so that nothing is lost and nothing is heard twice.

        With words that were guessed and never settled: at the first of them. Otherwise a little back, or at `fed`,
        before which every byte has been given to a recogniser.
        """
        return self.begins if words_pending else max(self.begins, min(fed, self.end - UNWORDED))
