"""What the caller really heard: per sentence what was sent, and how far the playing had come.

Bytes that were sent are not bytes that were heard: the far end plays in real time and drops its buffer on `clear`. The
position follows from the clock (what is buffered plays without pause) and is corrected by marks that come back. A mark
that comes back after a `clear` proves nothing. In doubt the ledger says less, never more.

Speech that was paused can be taken up again: the same bytes then keep their positions, and what was heard stays heard.

Pure: every moment comes in as an argument, in seconds of a monotonic clock.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from services.voice.speech.pace import BYTES_PER_SECOND, Pace, words_within

CAUTION: Final = 1.15
"""While a sentence's length is a guess, it is guessed long: its words are then counted late rather than early."""
CLAUSE_END: Final = re.compile(r"[,;:.!?–—]\s+")
SAME_PLACE: Final = 1600
"""Bytes: how far two guesses at where a clause began may lie apart."""
WHOLE: Final = 160
"""A sentence whose last 20 ms are missing was heard whole: they are its silence."""


CharactersWithin = Callable[[int], int | None]


def no_word_times(count: int) -> int | None:  # noqa: ARG001  (a voice that reports nothing knows nothing)
    """Of a voice that does not report when its words are spoken."""
    return None


@dataclass(slots=True)
class Segment:
    """One sentence on its way to the caller's ear. All counts are bytes of μ-law."""

    turn: int
    number: int
    text: str
    is_notice: bool = False
    """Whether it is the notice that an AI answers, which an agent may insist on."""
    begins: int = 0
    """Where its audio begins among all bytes of the call."""
    sent: int = 0
    total: int | None = None
    """All of its audio, once the voice knows."""
    complete: bool = False
    """Whether all of its audio was sent."""
    confirmed: bool = False
    """Whether its mark came back, not by a `clear`."""
    frozen: int | None = None
    """How much of it was played when a `clear` dropped the rest."""
    played_before: int = 0
    """How much of it was played before it was paused; taken up again, it plays some of that once more."""
    began_at: float | None = None
    """When its first audio left."""
    characters_within: CharactersWithin = no_word_times
    """How much of the text its first bytes speak, when the voice reports that."""

    @property
    def ends(self) -> int:
        """Where its audio ends, as far as it was sent."""
        return self.begins + self.sent

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
        return words_within(self.text, self._characters(played, bytes_per_character))

    def _characters(self, played: int, bytes_per_character: float) -> int:
        """Characters that its first `played` bytes speak: as the voice told, or else by their share of the sound."""
        characters = self.characters_within(played)
        if characters is not None:
            return characters
        length = self.length(bytes_per_character)
        return int(len(self.text) * played / length) if length else 0

    def length(self, bytes_per_character: float) -> float:
        """Bytes of all its audio, or a guess that is rather too long."""
        return self.total or max(self.sent, len(self.text) * bytes_per_character * CAUTION)

    def clause_before(self, played: int, bytes_per_character: float) -> int:
        """How many of its bytes come before the clause that its first `played` bytes end in, about."""
        at = self._characters(played, bytes_per_character)
        begins = [found.end() for found in CLAUSE_END.finditer(self.text) if found.end() <= at]
        if not begins:
            return 0
        # The other way round, by search: what a voice reports tells how much is spoken by a byte, and not where.
        return bisect_left(range(played), begins[-1], key=lambda place: self._characters(place, bytes_per_character))


@dataclass(frozen=True, slots=True)
class Again:
    """Audio that was dropped and is sent once more, and the mark to send behind it, if any. Positions in the call."""

    begins: int
    ends: int
    mark: str


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
        self._held_at: int | None = None
        """Where playing stopped, while it is paused."""
        self._repeated_from = -SAME_PLACE
        """Where speech was last taken up again."""
        self._takes = 0
        """How often speech was taken up again: marks of an earlier take may still come back."""

    def spoken_at(self, pace: Pace) -> None:
        """Another voice speaks from the next sentence on, at this pace."""
        self._pace = pace

    def queue(self, turn: int, text: str, *, is_notice: bool = False) -> Segment:
        """A sentence will be said, after those before it."""
        number = self._segments[-1].number + 1 if self._segments and self._segments[-1].turn == turn else 0
        if number == 0:
            self._segments.clear()  # earlier turns are settled; nobody asks for them again
            self._marks.clear()
        segment = Segment(turn, number, text, is_notice)
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
        if segment is None or self._held_at is not None:
            return False
        self._plays_until = now + (self._sent - position) / BYTES_PER_SECOND
        segment.confirmed = segment.confirmed or name.partition("~")[0] == segment.end_mark
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
        self._held_at = None

    def paused(self, now: float) -> None:
        """Everything that was not played by now was dropped, and may be sent again."""
        if self._held_at is not None:
            return
        for segment in self._segments:
            segment.played_before = self._played_of(segment, now)
        self._held_at = self._position(now)
        self._marks.clear()
        self._plays_until = now

    def clause_at(self, position: int) -> int:
        """Where to take up what was cut at this position: where its clause began, about.

        A clause is said again once. Cut a second time it goes on from where it was cut, or a caller who hums at every
        clause would never hear the next.
        """
        for segment in reversed(self._segments):
            if segment.sent and segment.begins <= position and segment.frozen is None:
                into = segment.clause_before(position - segment.begins, self._pace.bytes_per_character)
                begins = segment.begins + into
                return begins if begins >= self._repeated_from + SAME_PLACE else position
        return position

    @property
    def held_at(self) -> int | None:
        """Where playing stopped, while it is paused."""
        return self._held_at

    def resumed(self, position: int, now: float) -> list[Again]:
        """What was dropped is sent again from this position on, all at once: the pieces in their order."""
        self._held_at = None
        self._takes += 1
        self._repeated_from = position
        self._plays_until = now + (self._sent - position) / BYTES_PER_SECOND
        again = []
        for segment in self._segments:
            if segment.frozen is not None or not segment.sent:
                continue
            if segment.ends <= position:
                segment.confirmed = segment.confirmed or segment.complete
                continue
            mark = f"{segment.end_mark}~{self._takes}" if segment.complete else ""
            again.append(Again(max(position, segment.begins), segment.ends, mark))
            if mark:
                self._marks[mark] = (segment.ends, segment)
        return again

    def speaking_at(self, now: float) -> Segment | None:
        """The sentence that is being played, or was the last to be; None before any was."""
        position = self._position(now)
        return next((one for one in reversed(self._segments) if one.sent and one.begins <= position), None)

    def begun(self, turn: int, now: float) -> str:
        """All sentences of a turn that have begun to be played."""
        position = self._position(now)
        return " ".join(one.text for one in self._segments if one.turn == turn and one.sent and one.begins <= position)

    def _position(self, now: float) -> int:
        """How far the far end has come."""
        return self._sent - int(self.lead(now) * BYTES_PER_SECOND) if self._held_at is None else self._held_at

    def is_cleared(self, turn: int) -> bool:
        """Whether this turn was taken back: nothing more of it may be sent."""
        return turn == self._cleared_turn

    def _played_of(self, segment: Segment, now: float) -> int:
        if segment.frozen is not None:
            return segment.frozen
        if segment.confirmed:
            return segment.sent
        return min(segment.sent, max(segment.played_before, self._position(now) - segment.begins))

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
