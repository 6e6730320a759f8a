"""When has the caller finished? A pure function of what the recogniser reports and of time.

The recogniser has two independent detectors: `ends_utterance` is acoustic and fails in noise; UtteranceEnded looks for
a gap between words and is slower. Where both stay silent, a timer of ours asks for finals and then decides. What is
being said decides how patient we are: an e-mail address that is being spelled, or a sentence that hangs in the air, may
take longer, but never for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from services.voice.hearing.ports import Final, Heard, Interim, SpeechStarted, UtteranceEnded
from shared.conversation.ports import Expectation

UNFINISHED_S = 1.2
"""How much longer than the recogniser's own silence we wait for the rest of a sentence that sounds unfinished."""
SPELLING_S = 2.5
"""The same while an e-mail address is expected: people look things up and take breath between the pieces."""
HINT_S = 1.0
"""A sound like speech while we wait buys the caller this much more, once: a first guess takes that long."""
STALLED_S = 2.0
"""With words in hand and no further word for this long, we ask for finals ourselves."""
FINALIZE_S = 0.7
"""How long we wait for the answer to that before we take what we have."""
SAME_WORD_S = 0.3
"""How far two reports of one word's end may lie apart. A gap before other words than those at hand says nothing about
them: the vendor sends it beside the first guess at the next ones."""
LONGEST_S = 60.0
"""A turn that never ends (a radio in the background) is taken as it stands."""


class Verdict(StrEnum):
    """What is to be done now."""

    LISTEN = "listen"
    FINALIZE = "finalize"
    """Ask the recogniser for finals of what it holds back."""
    OVER = "over"
    """The turn is complete: take `text` and begin anew."""


@dataclass(frozen=True, slots=True)
class Expects:
    """What the conversation knows about the answer it waits for."""

    expectation: Expectation
    sounds_complete: Callable[[str], bool]

    @property
    def patience(self) -> float:
        """Seconds to wait for the rest of what sounds unfinished."""
        return SPELLING_S if self.expectation is Expectation.EMAIL else UNFINISHED_S


@dataclass(frozen=True, slots=True)
class TurnSoFar:
    """What was said since the last turn, and what we wait for. Times are seconds of a monotonic clock."""

    finals: tuple[str, ...] = ()
    interim: str = ""
    began_at: float = 0.0
    worded_at: float = 0.0
    """When the last words were reported."""
    spoken_until: float = 0.0
    """When the last words were spoken."""
    wait_until: float | None = None
    """Set while words that sound unfinished are given time."""
    hinted: bool = False
    """Whether a sound has already bought more of that time."""
    finalize_by: float | None = None
    """Set after finals were asked for."""

    @property
    def text(self) -> str:
        """Everything said, the newest guess included."""
        return " ".join(part for part in (*self.finals, self.interim) if part)

    def __bool__(self) -> bool:
        return bool(self.finals or self.interim)

    @property
    def due_at(self) -> float | None:
        """When `on_time` must be asked next; None while there is nothing to decide."""
        if not self:
            return None
        if self.finalize_by is not None:
            return self.finalize_by
        if self.wait_until is not None:
            return self.wait_until
        return min(self.worded_at + STALLED_S, self.began_at + LONGEST_S)


def on_heard(turn: TurnSoFar, event: Heard, expects: Expects, now: float) -> tuple[TurnSoFar, Verdict]:
    """What one report of the recogniser makes of the turn."""
    match event:
        case Interim() if event.text:
            return _spoken(turn, event, now), Verdict.LISTEN
        case Final():
            return _settled(turn, event, expects, now)
        case UtteranceEnded() if turn.finalize_by is None and event.spoken_until >= turn.spoken_until - SAME_WORD_S:
            if turn.interim:
                return _asking(turn, now)
            return _judged(turn, expects, now) if turn else (turn, Verdict.LISTEN)
        case SpeechStarted() if turn.wait_until is not None and not turn.hinted:
            return replace(turn, wait_until=max(turn.wait_until, now + HINT_S), hinted=True), Verdict.LISTEN
        case _:
            return turn, Verdict.LISTEN


def on_time(turn: TurnSoFar, now: float) -> tuple[TurnSoFar, Verdict]:
    """What the passing of time makes of the turn; ask at `due_at`, earlier changes nothing."""
    if turn.due_at is None or now < turn.due_at:
        return turn, Verdict.LISTEN
    if turn.finalize_by is not None or turn.wait_until is not None or now >= turn.began_at + LONGEST_S:
        return turn, Verdict.OVER
    return _asking(turn, now)


def _spoken(turn: TurnSoFar, guess: Interim, now: float) -> TurnSoFar:
    """A new guess: the caller goes on, so nothing is waited for any more."""
    return TurnSoFar(
        finals=turn.finals,
        interim=guess.text,
        began_at=turn.began_at if turn else now,
        worded_at=now,
        spoken_until=guess.spoken_until,
    )


def _settled(turn: TurnSoFar, final: Final, expects: Expects, now: float) -> tuple[TurnSoFar, Verdict]:
    """The guess becomes certain, or turns out to have been noise."""
    asked = turn.finalize_by is not None
    if final.text:
        turn = TurnSoFar(
            finals=(*turn.finals, final.text),
            began_at=turn.began_at if turn else now,
            worded_at=now,
            spoken_until=final.spoken_until,
        )
    else:
        turn = replace(turn, interim="")
    if not turn:
        return TurnSoFar(), Verdict.LISTEN
    if asked:
        return turn, Verdict.OVER
    return _judged(turn, expects, now) if final.ends_utterance else (turn, Verdict.LISTEN)


def _judged(turn: TurnSoFar, expects: Expects, now: float) -> tuple[TurnSoFar, Verdict]:
    """The recogniser heard an end; the words say whether it is one."""
    if turn.wait_until is not None:
        return turn, Verdict.LISTEN
    if expects.sounds_complete(turn.text):
        return turn, Verdict.OVER
    return replace(turn, wait_until=now + expects.patience), Verdict.LISTEN


def _asking(turn: TurnSoFar, now: float) -> tuple[TurnSoFar, Verdict]:
    return replace(turn, finalize_by=now + FINALIZE_S, wait_until=None), Verdict.FINALIZE
