"""Where a call's audio and its recogniser's words lie in time, through one socket after another.

Every socket counts from 0. Here positions are bytes since the call began, and moments are those of its clock.
"""

from __future__ import annotations

from typing import Final

from services.voice.hearing.heard_audio import BYTES_PER_SECOND, LONGEST, UNWORDED, HeardAudio
from shared.clock import Clock

LEAD: Final = BYTES_PER_SECOND // 5
"""Bytes before a sound that are heard again with it: a soft consonant begins there."""


class Timeline:
    """The audio that may have to be heard again, and what has been settled about it."""

    def __init__(self, clock: Clock) -> None:
        self.audio = HeardAudio()
        self.heard_at: float = clock.monotonic()
        """When the newest audio came."""
        self.settled = 0
        """Before this position every word is known for good."""
        self._clock = clock
        self._base = 0
        """Where the present socket's audio begins."""
        self._connected = False
        self._words_from: int | None = None
        """Where the audio began that holds the words guessed at and not settled yet."""
        self._sound_from: int | None = None
        """Where the caller became louder than the line's noise; None when the recogniser has said something since."""

    def hear(self, audio: bytes, *, is_behind: bool = False) -> None:
        """The next audio of the caller; `is_behind` when some of it was not given to the present socket yet."""
        unsettled = self._words_from is not None or self._sound_from is not None
        waits = is_behind or unsettled or not self._connected
        self.audio.append(audio, LONGEST if waits else UNWORDED)
        self.heard_at = self._clock.monotonic()

    def sounded(self) -> None:
        """The newest audio is louder than the line's noise."""
        if self._sound_from is None:
            self._sound_from = max(self.audio.begins, self.audio.end - LEAD)

    def connect(self, fed: int) -> int:
        """A new socket: the position its audio begins at. Up to `fed` everything has been given to some socket."""
        begins = self.audio.replay_from(fed, words_pending=self._words_from is not None)
        self._base = begins if self._sound_from is None else max(self.audio.begins, min(begins, self._sound_from))
        self._connected = True
        return self._base

    def disconnect(self) -> None:
        """No socket: whatever comes now must be kept for the next one."""
        self._connected = False

    def guessed(self) -> None:
        """There are words that are not settled."""
        self._sound_from = None
        if self._words_from is None:
            self._words_from = self.audio.begins

    def settle(self, seconds: float) -> None:
        """Up to this moment of the present socket every word is known for good."""
        self._words_from = self._sound_from = None
        self.settled = max(self.settled, self.position(seconds))
        self.audio.forget(self.position(seconds))

    @property
    def keeps_guessed_words(self) -> bool:
        """Whether all words that were guessed at can still be heard again."""
        return self._words_from is None or self.audio.begins <= self._words_from

    def position(self, seconds: float) -> int:
        """The call's position of a moment on the present socket."""
        return self._base + int(seconds * BYTES_PER_SECOND)

    def spoken_at(self, seconds: float) -> float:
        """When the audio of this moment on the present socket came in, on the call's clock."""
        return self.heard_at - max(0, self.audio.end - self.position(seconds)) / BYTES_PER_SECOND
