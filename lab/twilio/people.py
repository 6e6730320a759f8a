"""Who is at the other end of the line, 20 ms at a time."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from lab.speech.decoder import Decoder
from lab.speech.encoder import Speaker, encode
from lab.speech.mulaw import FRAME, FRAME_S, SILENCE


class Act(NamedTuple):
    """What somebody does in 20 ms."""

    sound: bytes = SILENCE
    """160 bytes of μ-law."""
    key: str | None = None
    """A key of the telephone that is pressed."""
    hangs_up: bool = False
    note: str | None = None
    """What made them do it, for the record."""


QUIET = Act()


class Person(Protocol):
    """Somebody on the telephone. Time passes for them only by being called every 20 ms."""

    def tick(self, heard: bytes) -> Act:
        """What they do now, having heard these 20 ms."""
        ...


class Voice:
    """The sound somebody is making, handed out in frames."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._utterance = 0
        self._left = b""

    def say(self, text: str) -> None:
        """Begin to say this, breaking off whatever was being said."""
        self._left = encode(text, self._speaker, self._utterance)
        self._utterance += 1

    def stop(self) -> None:
        """Fall silent in the middle of the word."""
        self._left = b""

    @property
    def speaks(self) -> bool:
        """Whether something is still to be said."""
        return bool(self._left)

    def frame(self) -> bytes:
        """The next 20 ms."""
        if not self._left:
            return SILENCE
        frame, self._left = self._left[:FRAME], self._left[FRAME:]
        return frame.ljust(FRAME, b"\xff")


class Colleague:
    """Answers, says one thing, and hangs up after a while: somebody a call was put through to."""

    def __init__(self, says: str, talks_for_s: float) -> None:
        self._voice = Voice(Speaker.COLLEAGUE)
        self._voice.say(says)
        self._ticks_left = round(talks_for_s / FRAME_S)

    def tick(self, heard: bytes) -> Act:
        del heard
        self._ticks_left -= 1
        return Act(self._voice.frame(), hangs_up=self._ticks_left <= 0)


class Briefed:
    """Listens to what a call is about, presses a key when told to press one, and then is a colleague or gone."""

    def __init__(self, key: str, then: Person) -> None:
        self._key = key
        self._then = then
        self._ears = Decoder()
        self._heard = ""
        self._pressed = False

    def tick(self, heard: bytes) -> Act:
        if self._pressed:
            return self._then.tick(heard)
        self._heard += "".join(letter.character for letter in self._ears.feed(heard))
        if "Press 1 " not in self._heard:
            return QUIET
        self._pressed = True
        return Act(key=self._key)


class Machine:
    """An answering machine: says its greeting and beeps, then listens for ever to whatever it is told."""

    def __init__(self, greeting: str) -> None:
        self._voice = Voice(Speaker.COLLEAGUE)
        self._voice.say(greeting)

    def tick(self, heard: bytes) -> Act:
        del heard
        return Act(self._voice.frame())
