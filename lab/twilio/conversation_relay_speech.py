"""What a relay session speaks: tokens gathered into words, spoken in order, cut off, and counted to the character."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from lab.speech.encoder import Speaker, encode
from lab.speech.mulaw import RATE, SILENCE
from lab.speech.voices import SAMPLES
from lab.twilio.playout import Playout

LEAD_IN = SILENCE * 6
"""120 ms before the first sound of a talk cycle: a good provider's delay."""
_ENDS = (".", "!", "?", " ", "\n")


@dataclass(slots=True)
class _Piece:
    """Something queued."""

    name: str
    text: str
    size: int
    interruptible: str
    preemptible: bool
    cycle: int


@dataclass(frozen=True, slots=True)
class Cut:
    """What an interruption came upon."""

    spoken: str
    """The talk cycle's words that were heard whole."""
    heard_s: float
    """Seconds of it that were heard."""
    dropped_s: float


class RelaySpeech:
    """The outgoing speech of one session, over a playout that somebody plays."""

    def __init__(self) -> None:
        self.playout = Playout()
        self._pieces: deque[_Piece] = deque()
        self._waiting = ""
        """The beginning of a word."""
        self._cycle = 0
        self._begun = False
        """Whether the cycle has brought anything yet."""
        self._said = ""
        """What was played of the cycle that is played now."""
        self._said_bytes = 0
        self._said_cycle = 0
        self._names = 0

    @property
    def is_speaking(self) -> bool:
        """Whether anything waits to be heard."""
        return bool(self._pieces)

    @property
    def interruptible(self) -> str:
        """What may cut off what is being said."""
        return self._pieces[0].interruptible if self._pieces else "none"

    def say(self, token: str, *, last: bool, interruptible: str, preemptible: bool) -> None:
        """Queue text; the first of a new cycle pushes aside what may be pushed aside."""
        if not self._begun and token.strip():
            self._begun = True
            self._push_aside()
            self._queue("", LEAD_IN, interruptible, preemptible)
        self._waiting += token
        if self._waiting.strip() and (last or self._waiting.endswith(_ENDS)):
            words, self._waiting = self._waiting.strip(), ""
            self._queue(words, encode(words, Speaker.ASSISTANT, self._names), interruptible, preemptible)
        if last:
            self._cycle += 1
            self._begun, self._waiting = False, ""

    def play(self, sound: bytes, *, interruptible: str, preemptible: bool) -> None:
        """Queue a sound."""
        self._push_aside()
        self._queue("", sound, interruptible, preemptible)

    def _queue(self, text: str, sound: bytes, interruptible: str, preemptible: bool) -> None:
        self._names += 1
        piece = _Piece(str(self._names), text, len(sound), interruptible, preemptible, self._cycle)
        self._pieces.append(piece)
        self.playout.add(sound)
        self.playout.mark(piece.name)

    def _push_aside(self) -> None:
        if self._pieces and all(piece.preemptible for piece in self._pieces):
            self.cut()

    def reached(self, name: str) -> str:
        """A piece was played to its end: its words."""
        piece = self._pieces.popleft()
        assert piece.name == name  # noqa: S101  (the playout keeps its order)
        self._note(piece, piece.size)
        return piece.text

    def cut(self) -> Cut:
        """Stop at once."""
        waiting, _ = self.playout.clear()
        total = waiting
        if self._pieces:
            first = self._pieces[0]
            self._note(first, first.size - (waiting - sum(piece.size for piece in list(self._pieces)[1:])))
        self._pieces.clear()
        self._begun, self._waiting = False, ""
        self._cycle += 1
        return Cut(self._said, self._said_bytes / RATE, total / RATE)

    def _note(self, piece: _Piece, played: int) -> None:
        """So much of a piece was heard."""
        if piece.cycle != self._said_cycle:
            self._said_cycle, self._said, self._said_bytes = piece.cycle, "", 0
        words = piece.text[: played // SAMPLES]
        if len(words) < len(piece.text) and not piece.text[len(words)].isspace():
            words = words.rpartition(" ")[0]
        self._said = f"{self._said} {words}".strip()
        self._said_bytes += played
