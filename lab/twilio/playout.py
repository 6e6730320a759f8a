"""The buffer from which a caller hears: what was queued is played in order, marks come back when they are reached."""

from __future__ import annotations

from collections import deque

from lab.speech.mulaw import FRAME, RATE, SILENCE

MOST_QUEUED = 600 * RATE
"""Ten minutes; Twilio discards what goes beyond (31931)."""


class Playout:
    """Bytes and marks in, 20 ms frames out."""

    def __init__(self) -> None:
        self._sound = bytearray()
        self._marks: deque[tuple[int, str]] = deque()
        """Position in the whole stream before which everything must have been played, and the mark's name."""
        self._played = 0

    @property
    def queued(self) -> int:
        """Bytes waiting to be played."""
        return len(self._sound)

    def add(self, sound: bytes) -> int:
        """Queue sound. Returns how many bytes were discarded because ten minutes are waiting already."""
        room = max(0, MOST_QUEUED - len(self._sound))
        self._sound += sound[:room]
        return max(0, len(sound) - room)

    def mark(self, name: str) -> bool:
        """Queue a mark. True when nothing is waiting before it, so that it is reached at once."""
        if not self._sound and not self._marks:
            return True
        self._marks.append((self._played + len(self._sound), name))
        return False

    def clear(self) -> tuple[int, list[str]]:
        """Drop everything. Returns the bytes dropped and the marks that were waiting."""
        dropped, names = len(self._sound), [name for _, name in self._marks]
        self._sound.clear()
        self._marks.clear()
        self._played += dropped
        return dropped, names

    def play(self) -> tuple[bytes, list[str]]:
        """The next 20 ms, filled up with silence, and the marks reached by the end of them."""
        if not self._sound:
            return SILENCE, self._reached()
        frame = bytes(self._sound[:FRAME])
        del self._sound[:FRAME]
        self._played += len(frame)
        return frame.ljust(FRAME, b"\xff"), self._reached()

    def _reached(self) -> list[str]:
        names = []
        while self._marks and self._marks[0][0] <= self._played:
            names.append(self._marks.popleft()[1])
        return names
