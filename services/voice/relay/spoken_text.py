"""What the caller really heard of text that Twilio speaks: the heard ledger of a relay session.

Text that was sent is not text that was heard. Three things tell how far the speaking has come: what Twilio reports as
played, what it had spoken when the caller broke in, and, where it says neither, the clock at a slow speaker's pace. In
doubt the ledger says less, never more.

Pure: every moment comes in as an argument, in seconds of a monotonic clock.
"""

from __future__ import annotations

import re
from math import ceil
from typing import Final, NamedTuple

from services.voice.session.line import Saying
from services.voice.speech.pace import words_within

SLOW: Final = 12.0
"""Characters a second, until a voice has been heard: 0.8 of the usual. Words are counted late rather than early."""
CAUTION: Final = 0.9
"""How fast a voice is believed to go on, of how fast it went."""
MEASURED_OVER: Final = 20
"""Characters whose time tells a voice's pace."""
SETTLE_S: Final = 0.3
"""After the speech stops, news of an interruption may still be on its way."""
GRACE_S: Final = 1.5
"""How long after even a slow speaker would have finished word may still come that everything was played."""
_BETWEEN_BLANKS = re.compile(r"\S+")
_NO_LETTERS = re.compile(r"\W+")


class _Sentence(NamedTuple):
    text: str
    end: int
    """Where it ends in the turn's text."""
    is_notice: bool


class SpokenText:
    """The text of one turn, and how far the speaking of it has come."""

    def __init__(self) -> None:
        self._turn = 0
        self._text = ""
        self._sentences: list[_Sentence] = []
        self._played = 0
        """Characters that Twilio said were played."""
        self._cut: int | None = None
        """How far it had come when it was cut off."""
        self._until = 0.0
        self._stopped = False
        self._pace = SLOW
        self._since: float | None = None
        """When the speaking of what comes after `_played` began; None when that is not known."""

    def sent(self, turn: int, sentence: str, now: float, *, is_notice: bool = False) -> None:
        """A sentence of a turn left; a new turn replaces the one before."""
        if turn != self._turn:
            self._turn, self._text, self._played, self._cut, self._until = turn, "", 0, None, now
            self._since = None
            self._sentences = []
        self._stopped = False
        self._text = f"{self._text} {sentence}".lstrip()
        self._sentences.append(_Sentence(sentence, len(self._text), is_notice))
        self._until = max(self._until, now) + (len(sentence) + 1) / self._pace

    @property
    def over_at(self) -> float:
        """When everything sent so far must have been spoken."""
        return self._until if self._stopped else self._until + GRACE_S

    def is_played(self, turn: int) -> bool:
        """Whether Twilio said that all of the turn was played."""
        return turn != self._turn or self._played >= len(self._text)

    def played(self, words: str, now: float) -> None:
        """Twilio says that these words were played: the next ones, or all from the turn's beginning."""
        end = _end_of(words, self._text, self._played)
        if end is None or end <= self._played:
            return
        count, since = end - self._played, self._since
        if since is not None and count >= MEASURED_OVER and now > since:
            self._pace = max(SLOW, CAUTION * count / (now - since))
        self._played = end
        self.began(now)

    def finished(self) -> None:
        """All of it was spoken, by what the caller did."""
        if self._cut is None:
            self._played = len(self._text)

    def began(self, now: float) -> None:
        """Twilio begins to speak now what it had not spoken before."""
        if self._cut is None:
            self._since = now
            self._until = now + (len(self._text) - self._played) / self._pace

    def stopped(self, now: float) -> None:
        """Twilio has stopped speaking, with all of the text in hand."""
        self._stopped = True
        self._until = now + SETTLE_S

    def cut(self, spoken: str | None, now: float) -> None:
        """The speech was cut off; `spoken` is what Twilio says was spoken by then, None when it does not say."""
        if self._cut is not None:
            return
        end = _end_of(spoken, self._text, self._played) if spoken is not None else None
        if end is None:
            end = self._played if spoken is not None and not spoken.strip() else self._position(now)
        self._cut = max(end, self._played)
        self._until = now

    def _position(self, now: float) -> int:
        if self._cut is not None:
            return self._cut
        left = ceil(max(0.0, self._until - now) * self._pace)
        return max(self._played, len(self._text) - left)

    def heard(self, turn: int, now: float) -> str:
        """The words of the turn that were spoken by now."""
        return words_within(self._text, self._position(now)) if turn == self._turn else ""

    def saying(self, turn: int, now: float) -> Saying:
        """What is being spoken of the turn."""
        position = self._position(now)
        current = next((one for one in self._sentences if one.end > position), None) if turn == self._turn else None
        if current is None or self._cut is not None:
            return Saying(self.heard(turn, now), "", is_notice=False, has_more=False)
        return Saying(self._text[: current.end], current.text, is_notice=current.is_notice, has_more=True)

    def is_sounding(self, now: float) -> bool:
        """Whether something may still be heard."""
        return self._cut is None and not self.is_played(self._turn) and now < self.over_at

    def heard_whole(self, turn: int, now: float) -> bool:
        """Whether all that was sent of the turn was spoken."""
        return turn == self._turn and self._position(now) >= len(self._text)


class _Word(NamedTuple):
    letters: str
    end: int
    """Where it ends, its comma or full stop included."""


def _words(text: str) -> list[_Word]:
    found = (
        _Word(_NO_LETTERS.sub("", match.group()).casefold(), match.end()) for match in _BETWEEN_BLANKS.finditer(text)
    )
    return [word for word in found if word.letters]


def _end_of(spoken: str, text: str, after: int) -> int | None:
    """Where the spoken words end in `text`: behind `after` if they can; None when they do not stand there.

    Case and signs are not compared; a last word that was cut in the middle does not count.
    """
    wanted, there = [word.letters for word in _words(spoken)], _words(text)
    starts = range(len(there) - len(wanted) + 1) if wanted else range(0)
    ends = [end for start in starts if (end := _end_at(wanted, there[start:])) is not None]
    return next((end for end in ends if end > after), ends[0] if ends else None)


def _end_at(wanted: list[str], there: list[_Word]) -> int | None:
    """Where the wanted words end if they stand at the beginning of `there`."""
    *whole, last = wanted
    if whole != [word.letters for word in there[: len(whole)]]:
        return None
    if there[len(whole)].letters == last:
        return there[len(whole)].end
    return there[len(whole) - 1].end if whole and there[len(whole)].letters.startswith(last) else None
