"""The caller makes a sound while we speak: is it an interruption? Pure.

The first sound already silences us, so that nobody has to shout us down. Then the words tell: those of a listener, or
our own coming back through a loudspeaker, let us go on from the clause that was cut short; all others are an
interruption. A sound that brings no words was a cough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from services.voice.hearing import ports
from services.voice.hearing.ports import Heard, Interim, LikelyEnd, SpeechStarted
from shared.conversation.understanding.answers import bare

COUGH_S: Final = 1.0
"""A sound that has brought no word after this long was none: the recogniser's first guess takes up to a second."""
ECHO_WORDS: Final = 3
"""So many of our own words in a row are an echo; one or two may be anybody's."""


class Do(StrEnum):
    """What is to be done about our speech."""

    NOTHING = "nothing"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Ours:
    """What we are saying at the moment."""

    words: str
    """Everything of this reply that has begun to be heard."""
    is_question: bool
    """The caller may answer it before its end: "okay" is an answer then."""
    is_protected: bool
    """It is said to its end whatever the caller says."""
    has_more: bool
    """Enough is left to be heard that falling silent would be noticed."""


@dataclass(frozen=True, slots=True)
class Interruption:
    """What the caller has done to the reply we are speaking."""

    is_paused: bool = False
    resume_at: float | None = None
    """When a sound that brought no words is taken for a cough; None when words were heard."""
    coughed: bool = False
    """Another sound does not silence this reply any more, only words do: the line may be noisy."""


OnlyListens = Callable[[str], bool]
"""Whether these words only tell that somebody listens."""


def on_heard(
    state: Interruption, event: Heard, ours: Ours, only_listens: OnlyListens, now: float
) -> tuple[Interruption, Do]:
    """What a report of the recogniser does to the reply that is being heard."""
    if ours.is_protected:
        return state, Do.NOTHING
    match event:
        case SpeechStarted() if not state.is_paused and not state.coughed and ours.has_more:
            return Interruption(is_paused=True, resume_at=now + COUGH_S), Do.PAUSE
        case Interim() | LikelyEnd() | ports.Final() if event.text:
            return _on_words(state, event.text, ours, only_listens)
    return state, Do.NOTHING


def _on_words(state: Interruption, text: str, ours: Ours, only_listens: OnlyListens) -> tuple[Interruption, Do]:
    may_be_none = _listens(text, ours, only_listens) or _is_ours(text, ours)
    if not may_be_none or not (state.is_paused or ours.has_more):
        return Interruption(), Do.STOP
    if state.is_paused:
        return replace(state, resume_at=None), Do.NOTHING
    return replace(state, is_paused=True), Do.PAUSE


def is_turn(text: str, ours: Ours, only_listens: OnlyListens) -> bool:
    """Whether a whole utterance over our speech is to be answered."""
    is_echo = _is_ours(text, ours) and len(bare(text).split()) >= ECHO_WORDS
    return not is_echo and not _listens(text, ours, only_listens)


def on_quiet(state: Interruption) -> tuple[Interruption, Do]:
    """The caller is in the middle of nothing any more: what they said was no turn, or is being answered."""
    if state.is_paused and state.resume_at is None:
        return replace(state, is_paused=False), Do.RESUME
    return state, Do.NOTHING


def on_time(state: Interruption, now: float) -> tuple[Interruption, Do]:
    """The passing of time; ask at `resume_at`."""
    if state.resume_at is None or now < state.resume_at:
        return state, Do.NOTHING
    return Interruption(coughed=True), Do.RESUME


def _listens(text: str, ours: Ours, only_listens: OnlyListens) -> bool:
    return not ours.is_question and only_listens(text)


def _is_ours(text: str, ours: Ours) -> bool:
    """Whether these words are, in this order, part of what we have just said."""
    return f" {bare(text)} " in f" {bare(ours.words)} "
