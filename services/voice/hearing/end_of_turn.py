"""When has the caller finished? A pure function of what the recogniser reports and of time.

The recogniser has two independent detectors: `ends_utterance` is acoustic and fails in noise; UtteranceEnded looks for
a gap between words and is slower. Where both stay silent, a timer of ours asks for finals and then decides. What is
being said decides how patient we are: an address, a number or a word that is being spelled is waited for until it is
complete, a sentence that hangs in the air may take longer, but nothing is waited for for ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final as Constant

from services.voice.hearing.ports import Final, Heard, Interim, LikelyEnd, SpeechStarted, UtteranceEnded
from shared.conversation.ports import Expectation

UNFINISHED_S = 1.2
"""How much longer than the recogniser's own silence we wait for the rest of a sentence that sounds unfinished."""
SPELLING_S = 4.0
"""The same while an e-mail address is expected and not complete: people look things up and take breath between the
pieces. Once it is complete nothing is waited for."""
HINT_S = 1.0
"""A sound like speech while we wait buys the caller this much more: a first guess takes that long."""
MOST_HINTS_S = 8.0
"""How much such sounds can buy in all while somebody spells; otherwise the first is the last."""
STALLED_S = 2.0
"""With words in hand and no further word for this long, we ask for finals ourselves."""
FINALIZE_S = 0.7
"""How long we wait for the answer to that before we take what we have."""
SAME_WORD_S = 0.3
"""How far two reports of one word's end may lie apart. A gap before other words than those at hand says nothing about
them: the vendor sends it beside the first guess at the next ones."""
LONGEST_S = 60.0
"""A turn that never ends (a radio in the background) is taken as it stands."""
SPELLED: Constant = re.compile(r"(?:\b(?:[a-z]|\d+)\b[\s,.-]*){2,}$", re.IGNORECASE)
"""Single letters and groups of digits at the end: more of them may follow."""


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
    def is_spelled(self) -> bool:
        """Whether what was asked for comes in pieces."""
        return self.expectation is Expectation.EMAIL

    @property
    def patience(self) -> float:
        """Seconds to wait for the rest of what sounds unfinished."""
        return SPELLING_S if self.is_spelled else UNFINISHED_S

    def is_complete(self, text: str) -> bool:
        """Whether `text` may stand as a whole turn.

        The conversation judges what it asked for; of anything else that is being spelled we know that it may go on.
        """
        return self.sounds_complete(text) and (self.is_spelled or not SPELLED.search(text))


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
    wait_at_most_until: float = 0.0
    """How far sounds can put that off."""
    finalize_by: float | None = None
    """Set after finals were asked for."""
    language: str = ""
    """What the recogniser says the words were spoken in; empty when it does not say."""
    taken: tuple[str, ...] = ()
    """Words of the turn before that were taken on a guess: their final may still come, and is not said twice."""
    taken_until: float = 0.0
    """When the last of them was spoken."""

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


def begin_anew(turn: TurnSoFar) -> TurnSoFar:
    """The next turn, after this one was taken."""
    return TurnSoFar(taken=_words(turn.interim), taken_until=turn.spoken_until)


def on_heard(turn: TurnSoFar, event: Heard, expects: Expects, now: float) -> tuple[TurnSoFar, Verdict]:
    """What one report of the recogniser makes of the turn."""
    match event:
        case Interim() | LikelyEnd() if text := _untaken(turn, event):
            return _spoken(turn, text, event.spoken_until, now), Verdict.LISTEN
        case Final():
            return _settled(turn, event, expects, now)
        case UtteranceEnded() if turn.finalize_by is None and event.spoken_until >= turn.spoken_until - SAME_WORD_S:
            if turn.interim:
                return _asking(turn, now)
            return _judged(turn, expects, now) if turn else (turn, Verdict.LISTEN)
        case SpeechStarted() if turn.wait_until is not None:
            later = min(turn.wait_at_most_until, now + HINT_S)
            most = turn.wait_at_most_until if expects.is_spelled else later
            return replace(turn, wait_until=max(turn.wait_until, later), wait_at_most_until=most), Verdict.LISTEN
        case _:
            return turn, Verdict.LISTEN


def on_time(turn: TurnSoFar, expects: Expects, now: float) -> tuple[TurnSoFar, Verdict]:
    """What the passing of time makes of the turn; ask at `due_at`, earlier changes nothing."""
    if turn.due_at is None or now < turn.due_at:
        return turn, Verdict.LISTEN
    if turn.wait_until is not None or now >= turn.began_at + LONGEST_S:
        return turn, Verdict.OVER
    if turn.finalize_by is not None:
        return _judged(replace(turn, finalize_by=None), expects, now, since=turn.worded_at)
    return _asking(turn, now)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _untaken(turn: TurnSoFar, event: Interim | LikelyEnd | Final) -> str:
    """What is said in a report beyond the words that were taken already."""
    if not turn.taken:
        return event.text
    if event.spoken_until <= turn.taken_until + SAME_WORD_S:
        return ""
    words = _words(event.text)
    known = sum(_alike(one, other) for one, other in zip(words, turn.taken, strict=False))
    # A recogniser changes its mind about single words, not about most of them.
    return " ".join(words[len(turn.taken) :]) if 2 * known > len(turn.taken) else event.text


def _alike(one: str, other: str) -> bool:
    return one.strip(".,;:!?").casefold() == other.strip(".,;:!?").casefold()


def _spoken(turn: TurnSoFar, text: str, spoken_until: float, now: float) -> TurnSoFar:
    """A new guess: the caller goes on, so nothing is waited for any more."""
    return TurnSoFar(
        finals=turn.finals,
        interim=text,
        began_at=turn.began_at if turn else now,
        worded_at=now,
        spoken_until=spoken_until,
        language=turn.language,
        taken=turn.taken,
        taken_until=turn.taken_until,
    )


def _settled(turn: TurnSoFar, final: Final, expects: Expects, now: float) -> tuple[TurnSoFar, Verdict]:
    """The guess becomes certain, or turns out to have been noise."""
    asked = turn.finalize_by is not None
    if text := _untaken(turn, final):
        turn = TurnSoFar(
            finals=(*turn.finals, text),
            began_at=turn.began_at if turn else now,
            worded_at=turn.worded_at if asked and turn.interim else now,
            spoken_until=final.spoken_until,
            language=final.language or turn.language,
        )
    else:
        turn = replace(turn, interim="", taken=())
    if not turn:
        return TurnSoFar(), Verdict.LISTEN
    if asked:
        return _judged(replace(turn, finalize_by=None), expects, now, since=turn.worded_at)
    return _judged(turn, expects, now) if final.ends_utterance else (turn, Verdict.LISTEN)


def _judged(turn: TurnSoFar, expects: Expects, now: float, since: float | None = None) -> tuple[TurnSoFar, Verdict]:
    """The words have come to an end; what they say decides whether it is one. Patience counts from `since`, or now."""
    if turn.wait_until is not None:
        return turn, Verdict.LISTEN
    until = (now if since is None else since) + expects.patience
    if until <= now or expects.is_complete(turn.text):
        return turn, Verdict.OVER
    most = until + (MOST_HINTS_S if expects.is_spelled else HINT_S)
    return replace(turn, wait_until=until, wait_at_most_until=most), Verdict.LISTEN


def _asking(turn: TurnSoFar, now: float) -> tuple[TurnSoFar, Verdict]:
    return replace(turn, finalize_by=now + FINALIZE_S, wait_until=None), Verdict.FINALIZE
