"""When is it worth beginning an answer before the caller's turn is decided? Pure.

A search costs milliseconds, so it may begin on words that look like a question. A model's answer costs money, so it is
begun only when the words have probably come to their end. Both are begun a few times a turn at most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final as Constant
from typing import Protocol

from services.voice.hearing.ports import Final, Heard, Interim, LikelyEnd, UtteranceEnded

MOST_SEARCHES: Constant = 2
"""Begun on words that still grow; beside them each likely end may begin one."""
MOST_ANSWERS: Constant = 2
"""Begun in one turn: each is a request to the model."""
FEWEST_WORDS: Constant = 3
"""Fewer words that still grow are no question yet."""
QUIET_S: Constant = 0.15
"""Silence behind the last word that a recogniser has heard: longer than between the words of a sentence, and half of
what ends an utterance."""
UNCHANGED_S: Constant = 0.35
"""Words that are reported again unchanged after so long have come to an end."""


class Do(StrEnum):
    """What is to be begun."""

    NOTHING = "nothing"
    SEARCH = "search"
    ANSWER = "answer"
    """The whole reply, its search included."""


class Judge(Protocol):
    """What the conversation thinks of words. Asked as rarely as possible."""

    def may_be_question(self, text: str) -> bool:
        """Whether these words may be something to look up."""
        ...

    def sounds_complete(self, text: str) -> bool:
        """Whether they may stand as a whole turn."""
        ...


@dataclass(frozen=True, slots=True)
class Guessed:
    """What was reported in this turn and begun for it."""

    words: tuple[str, ...] = ()
    """The newest report, without case and punctuation."""
    since: float = 0.0
    """When these words were first reported."""
    searches: int = 0
    answers: int = 0
    answered: tuple[str, ...] = ()
    """The words for which an answer was begun last."""
    is_question: bool = False
    """The words looked like a question once; more words do not change that."""


def words_of(text: str) -> tuple[str, ...]:
    """What is compared."""
    return tuple(word for part in text.split() if (word := part.strip(".,;:!?…\"'").casefold()))


def on_report(
    guessed: Guessed, text: str, event: Heard | None, judge: Judge, now: float, *, waits: bool
) -> tuple[Guessed, Do]:
    """What one report makes worth beginning. `text` is the whole turn so far; `event` None means that time has passed.

    `waits`: the recogniser has heard an end, and we wait because the sentence sounds unfinished.
    """
    words = words_of(text)
    has_grown = words != guessed.words
    is_over = _is_likely_over(event, 0.0 if has_grown else now - guessed.since)
    if has_grown:
        guessed = replace(guessed, words=words, since=now)
    if not words or (not has_grown and not is_over):
        return guessed, Do.NOTHING
    if is_over:
        return _on_likely_end(guessed, text, judge, waits=waits)
    if guessed.searches >= MOST_SEARCHES or len(words) < FEWEST_WORDS:
        return guessed, Do.NOTHING
    guessed = replace(guessed, is_question=guessed.is_question or judge.may_be_question(text))
    if guessed.is_question and judge.sounds_complete(text):
        return replace(guessed, searches=guessed.searches + 1), Do.SEARCH
    return guessed, Do.NOTHING


def _on_likely_end(guessed: Guessed, text: str, judge: Judge, *, waits: bool) -> tuple[Guessed, Do]:
    if guessed.answers >= MOST_ANSWERS or guessed.answered == guessed.words:
        return guessed, Do.NOTHING
    # A sentence that hangs in the air may be all there is, but only once a turn is that worth a try.
    if not judge.sounds_complete(text) and not (waits and not guessed.answers):
        return guessed, Do.NOTHING
    return replace(guessed, answers=guessed.answers + 1, answered=guessed.words), Do.ANSWER


def _is_likely_over(event: Heard | None, unchanged_s: float) -> bool:
    match event:
        case Interim(quiet_s=quiet_s):
            return quiet_s >= QUIET_S or unchanged_s >= UNCHANGED_S
        case None | LikelyEnd() | Final() | UtteranceEnded():
            return True
    return False
