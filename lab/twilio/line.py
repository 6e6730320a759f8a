"""The caller's line: every 20 ms they hear what is being played and make a sound of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, Protocol

from lab.speech.decoder import Decoder
from lab.speech.mulaw import FRAME_S
from lab.speech.transcript import Transcript
from lab.twilio.log import CallLog
from lab.twilio.pace import Pace
from lab.twilio.people import Act, Person
from lab.twilio.playout import Playout
from lab.twilio.recorder import CallTape


class Ear(Protocol):
    """Whatever takes the caller's sound and keys at the moment."""

    def hear(self, sound: bytes) -> None:
        """20 ms of the caller."""
        ...

    def key(self, key: str) -> None:
        """A key was pressed."""
        ...


class Deaf:
    """Nobody listens to the caller."""

    def hear(self, sound: bytes) -> None:
        """Let it pass."""

    def key(self, key: str) -> None:
        """Let it pass."""


def ignore(name: str) -> None:
    """What becomes of a mark that nobody waits for."""
    del name


class Line:
    """Drives one call's sound from the moment it is answered."""

    def __init__(
        self,
        person: Person,
        pace: Pace,
        log: CallLog,
        act: Callable[[Act], None],
    ) -> None:
        self.began_at = 0.0
        """Call time of the first tick."""
        self.most_late_s = 0.0
        self.tape: CallTape | None = None
        """What records both sides."""
        self._person = person
        self._pace = pace
        self._act = act
        self._log = log
        self._playout = Playout()
        self._reached: Callable[[str], None] = ignore
        self._ear: Ear = Deaf()
        self._from_caller, self._to_caller = Decoder(), Decoder()
        self._caller_words, self._played_words = Transcript(), Transcript()

    def connect(self, playout: Playout, reached: Callable[[str], None] = ignore, ear: Ear | None = None) -> None:
        """From now on the caller hears this playout, its marks go to `reached`, and `ear` hears the caller."""
        self._playout, self._reached, self._ear = playout, reached, ear or Deaf()

    def disconnect(self) -> None:
        """The caller hears silence and nobody hears them."""
        self.connect(Playout())

    async def run(self) -> NoReturn:
        """Tick for ever."""
        self.began_at = self._pace.now()
        ticks = 0
        while True:
            ticks += 1
            late = await self._pace.until(self.began_at + ticks * FRAME_S)
            self.most_late_s = max(self.most_late_s, late)
            self._tick()

    def _tick(self) -> None:
        sound, marks = self._playout.play()
        act = self._person.tick(sound)
        for utterance in self._played_words.add(self._to_caller.feed(sound), self._to_caller.heard):
            self._log.heard(utterance, self.began_at)
        for utterance in self._caller_words.add(self._from_caller.feed(act.sound), self._from_caller.heard):
            self._log.said(utterance, self.began_at)
        for name in marks:
            self._reached(name)
        if self.tape is not None:
            self.tape.hear(act.sound, sound)
        self._ear.hear(act.sound)
        if act.key is not None:
            self._ear.key(act.key)
        if act.key is not None or act.hangs_up or act.note is not None:
            self._act(act)

    def close(self) -> None:
        """Report the words that were still going on."""
        for utterance in self._played_words.close():
            self._log.heard(utterance, self.began_at)
        for utterance in self._caller_words.close():
            self._log.said(utterance, self.began_at)
