"""Does a recogniser with an open socket still listen? Pure: sound and messages are told, what to do is asked.

A line on which nobody speaks gives it nothing to say for long. A caller who speaks is reported within a second, so that
one who has spoken and of whom nothing is said has probably not been heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from services.voice.hearing.heard_audio import BYTES_PER_SECOND, UNWORDED

SPOKEN: Final = BYTES_PER_SECOND // 5
"""Bytes louder than the line's noise that may be a word; a click is shorter."""
MOST_DOUBLINGS: Final = 3
"""How often the wait for words is doubled on a line with noise and no words."""


@dataclass(frozen=True, slots=True)
class ListenTimes:
    """In seconds."""

    keepalive: float = 3.0
    """The vendor closes a socket that got nothing for 10 s and asks for a sign of life every 3 to 5 s."""
    quiet: float = 8.0
    """With no message for this long we ask for one, where the recogniser may have had nothing to say."""
    unanswered: float = 1.2
    """The same once the caller has made sound: a first guess takes up to a second."""
    stalled: float = 2.0
    """The same where there always is something to say, four times a second: the socket is dead, whatever TCP says."""
    answer: float = 0.8
    """No answer when asked within this time: the socket is dead as well. Half a second is a slow answer."""
    gap: float = 0.5
    """Without audio for this long a recogniser that knows no sign of life is given silence, or its turn hangs."""
    give_up: float = 6.0
    """Without a working socket for this long the caller must be told that we cannot hear."""
    look: float = 0.25
    """How often it is looked whether one of these times is over."""


ORDINARY: Final = ListenTimes()


class Look(Enum):
    """What is to be done about the socket."""

    WAIT = auto()
    ASK = auto()
    """For finals of everything heard so far: a socket that works answers."""
    REPLACE = auto()


class Patience:
    """With the sockets of one call. Times are of the call's monotonic clock, positions are bytes of its audio."""

    def __init__(self, times: ListenTimes) -> None:
        self._times = times
        self._message_at = 0.0
        self._heard_before = 0
        """Position of the audio at the last message."""
        self._sound = 0
        """Bytes louder than the line's noise since then."""
        self._sounded_at = 0.0
        """When the first of them came."""
        self._asked_at: float | None = None
        self._in_vain = 0
        """How often words were asked for since there were any."""
        self._looked_at = 0.0

    def begin(self, now: float, position: int) -> None:
        """A socket has been opened. What its predecessor said nothing about it is given once more."""
        self._message_at, self._heard_before, self._sounded_at, self._asked_at = now, position, now, None
        self._looked_at = now

    def sound(self, now: float, count: int) -> None:
        """The caller made a sound."""
        if not self._sound:
            self._sounded_at = now
        self._sound += count

    def message(self, now: float, position: int, *, worded: bool) -> None:
        """The recogniser said something; `worded` when that was words."""
        if worded:
            self._in_vain = 0
        self._message_at, self._heard_before, self._sound, self._asked_at = now, position, 0, None

    def look(self, now: float, position: int, *, answers_when_asked: bool, is_ready: bool) -> Look:
        """What to do now; asked every `look` seconds. ASK is said once and counts as done."""
        self._forgive(now)
        if self._asked_at is not None:
            return Look.REPLACE if now - self._asked_at >= self._times.answer else Look.WAIT
        silent_s = now - self._message_at
        if not is_ready:
            return Look.REPLACE if silent_s >= self._times.stalled else Look.WAIT
        had_enough = position - self._heard_before >= UNWORDED
        if not answers_when_asked:
            return Look.REPLACE if had_enough and silent_s >= self._times.stalled else Look.WAIT
        if (had_enough and silent_s >= self._times.quiet) or self._is_ignored(now):
            self._asked_at = now
            self._in_vain += 1
            return Look.ASK
        return Look.WAIT

    def _forgive(self, now: float) -> None:
        """Time in which this process itself was late says nothing about the other side."""
        late = now - self._looked_at - self._times.look
        self._looked_at = now
        if late > self._times.look:
            self._message_at += late
            self._sounded_at = min(now, self._sounded_at + late)
            if self._asked_at is not None:
                self._asked_at += late

    def _is_ignored(self, now: float) -> bool:
        waits_s = self._times.unanswered * 2 ** min(self._in_vain, MOST_DOUBLINGS)
        return self._sound >= SPOKEN and now - self._sounded_at >= waits_s
