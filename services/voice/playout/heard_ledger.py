"""What the caller really heard: per sentence what was sent, and how far the playing had come.

Bytes that were sent are not bytes that were heard: the far end plays in real time and drops its buffer on `clear`. The
position follows from the clock (what is buffered plays without pause) and is corrected by marks that come back. A mark
that comes back after a `clear` proves nothing. In doubt the ledger says less, never more.

Pure: every moment comes in as an argument, in seconds of a monotonic clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from services.voice.speech.pace import BYTES_PER_SECOND, Pace, words_within

CAUTION: Final = 1.15
"""While a sentence's length is a guess, it is guessed long: its words are then counted late rather than early."""
WHOLE: Final = 160
"""A sentence whose last 20 ms are missing was heard whole: they are its silence."""


@dataclass(slots=True)
class Segment:
    """One sentence on its way to the caller's ear. All counts are bytes of μ-law."""

    turn: int
    number: int
    text: str
    begins: int = 0
    """Where its audio begins among all bytes sent since the last `clear`."""
    sent: int = 0
    total: int | None = None
    """All of its audio, once the voice knows."""
    complete: bool = False
    """Whether all of its audio was sent."""
    confirmed: bool = False
    """Whether its mark came back, not by a `clear`."""
    frozen: int | None = None
    """How much of it was played when a `clear` dropped the rest."""
    began_at: float | None = None
    """When its first audio left."""

    @property
    def end_mark(self) -> str:
        """The name of the mark behind its last audio."""
        return f"{self.turn}:{self.number}"

    @property
    def begin_mark(self) -> str:
        """The name of the mark behind its first audio, which tells how late the far end plays."""
        return f"{self.turn}:{self.number}:begun"

    def heard(self, played: int, bytes_per_character: float) -> str:
        """The words of it within its first `played` bytes."""
        if self.confirmed:
            return self.text
        if self.complete and played >= self.sent - WHOLE:
            return self.text if self.sent else ""
        guess = len(self.text) * bytes_per_character * CAUTION
        length = self.total or max(self.sent, guess)
        return words_within(self.text, int(len(self.text) * played / length)) if length else ""


class HeardLedger:
    """The sentences of one call, and how far the far end has come."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._segments: list[Segment] = []
        self._sent = 0
        self._plays_until = 0.0
        """When everything sent will have been played, if nothing more comes."""
        self._cleared_turn: int | None = None
        self._marks: dict[str, tuple[int, Segment]] = {}
        """Marks on their way, and how much had been sent before each."""

    def queue(self, turn: int, text: str) -> Segment:
        """A sentence will be said, after those before it."""
        number = self._segments[-1].number + 1 if self._segments and self._segments[-1].turn == turn else 0
        if number == 0:
            self._segments.clear()  # earlier turns are settled; nobody asks for them again
            self._marks.clear()
        segment = Segment(turn, number, text)
        self._segments.append(segment)
        return segment

    def sent(self, segment: Segment, count: int, now: float) -> None:
        """`count` more bytes of the segment left for the far end."""
        if segment.sent == 0:
            segment.begins = self._sent
            segment.began_at = now
        segment.sent += count
        self._sent += count
        self._plays_until = max(self._plays_until, now) + count / BYTES_PER_SECOND

    def completed(self, segment: Segment) -> None:
        """All audio of the segment was sent; how long its words took tells about the next ones."""
        segment.complete = True
        segment.total = segment.sent
        self._pace.learn(segment.sent, segment.text)

    def marked(self, name: str, segment: Segment) -> None:
        """A mark left behind everything sent so far."""
        self._marks[name] = (self._sent, segment)

    def echoed(self, name: str, now: float) -> bool:
        """A mark came back; true when that proves that everything before it was played.

        The clock follows it: what was sent behind the mark begins to play now, not when we believed.
        """
        position, segment = self._marks.pop(name, (0, None))
        if segment is None:
            return False
        self._plays_until = now + (self._sent - position) / BYTES_PER_SECOND
        segment.confirmed = segment.confirmed or name == segment.end_mark
        return True

    def lead(self, now: float) -> float:
        """Seconds of audio that were sent and not played."""
        return max(0.0, self._plays_until - now)

    @property
    def plays_until(self) -> float:
        """When everything sent so far will have been played."""
        return self._plays_until

    def cleared(self, now: float) -> None:
        """Everything that was not played by now was dropped."""
        for segment in self._segments:
            if segment.frozen is None:
                segment.frozen = self._played_of(segment, now)
            self._cleared_turn = segment.turn
        self._marks.clear()  # they come back at once, and mean nothing
        self._plays_until = now

    def is_cleared(self, turn: int) -> bool:
        """Whether this turn was taken back: nothing more of it may be sent."""
        return turn == self._cleared_turn

    def _played_of(self, segment: Segment, now: float) -> int:
        if segment.frozen is not None:
            return segment.frozen
        if segment.confirmed:
            return segment.sent
        played = self._sent - int(self.lead(now) * BYTES_PER_SECOND)
        return min(segment.sent, max(0, played - segment.begins))

    def heard(self, turn: int, now: float) -> str:
        """The words of a turn that were played by now."""
        return " ".join(part for part in self._heard_parts(turn, now) if part)

    def _heard_parts(self, turn: int, now: float) -> Iterator[str]:
        for segment in self._segments:
            if segment.turn == turn:
                yield segment.heard(self._played_of(segment, now), self._pace.bytes_per_character)

    def confirmed(self, turn: int) -> bool:
        """Whether the far end said that every sentence of the turn was played."""
        return all(segment.confirmed for segment in self._segments if segment.turn == turn)

    def heard_whole(self, turn: int, now: float) -> bool:
        """Whether every sentence of the turn was played to its end, by marks or by the clock."""
        return all(
            segment.confirmed or (segment.complete and self._played_of(segment, now) >= segment.sent - WHOLE)
            for segment in self._segments
            if segment.turn == turn
        )
