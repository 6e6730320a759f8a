"""The caller's line, whatever carries it: what the caller does comes in, what we say goes out sentence by sentence.

One call's logic (`call.py`) serves every transport, because this is all it knows of one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from services.voice.hearing.ports import Words
from services.voice.record.notes import Ending
from services.voice.transport.media_stream import StreamEnd
from shared.contracts.relay import Transport
from shared.conversation.ports import Sentence
from shared.rates.usage import Product

Hold = Callable[[], Awaitable[None]]
"""Awaited with the first sound of a reply in hand, before it leaves: the caller may be speaking."""


class Spoken(Protocol):
    """One sentence on its way to the caller's ear. Moments are seconds of the call's monotonic clock."""

    @property
    def sent_at(self) -> float:
        """When its text left for whoever speaks it, or its sound was there already."""
        ...

    @property
    def sounded_at(self) -> float | None:
        """When its first sound came back."""
        ...

    @property
    def began_at(self) -> float | None:
        """When its first sound left for the caller; None while nothing has."""
        ...

    async def play(self, hold: Hold) -> None:
        """Send it at the pace the line takes it; returns when all of it was sent.

        `hold` is awaited before its first sound leaves. Raises SpeechUnavailable when no sound could be had, and
        SocketClosed when the caller is gone.
        """
        ...


@dataclass(frozen=True, slots=True)
class Saying:
    """What is being heard of a reply."""

    words: str
    """Everything of it that has begun to be heard."""
    sentence: str
    """The sentence that is being heard; empty when none is."""
    is_notice: bool
    """That sentence says that an AI answers."""
    has_more: bool
    """Enough is left to be heard that falling silent would be noticed."""


class Caller(Protocol):
    """What a line tells the call of its caller, beside the words. Called as it happens, so nothing here may wait."""

    def pressed(self, key: str) -> None:
        """A key of the telephone."""
        ...

    def heard_more(self) -> None:
        """Something of ours was heard to its end."""
        ...

    def silenced_us(self) -> None:
        """The line itself has cut off what we were saying, because the caller began to speak."""
        ...


class Line(Protocol):
    """One caller's line. `run` it once; the rest meanwhile."""

    transport: Transport
    """What carries it."""
    product: Product
    """What its time is billed as."""

    @property
    def hearing(self) -> Words:
        """The caller's words."""
        ...

    @property
    def kept_characters(self) -> int:
        """Characters spoken so far from audio that was there already."""
        ...

    async def run(self, caller: Caller) -> StreamEnd:
        """Carry the line until it ends. Raises StreamRefused when the other side breaks the rules."""
        ...

    def prepare(self) -> None:
        """Something will be said soon. Never waits."""
        ...

    async def use_language(self, language: str) -> None:
        """Hear and speak this BCP 47 language from here on, while nothing is being said. Raises SocketClosed."""
        ...

    async def begin(self, turn: int, sentence: Sentence) -> Spoken:
        """Have this sentence spoken, behind those of the same turn begun before."""
        ...

    async def until_played(self, turn: int) -> None:
        """Nothing follows in this turn: wait until the caller has heard all of it, or must have."""
        ...

    def heard(self, turn: int, now: float) -> str:
        """The words of a turn that the caller has heard by now; in doubt fewer."""
        ...

    def heard_whole(self, turn: int, now: float) -> bool:
        """Whether every sentence begun in the turn was heard to its end."""
        ...

    def saying(self, turn: int, now: float) -> Saying:
        """What is being heard of a turn."""
        ...

    def is_sounding(self, now: float) -> bool:
        """Whether something of ours is still to be heard."""
        ...

    @property
    def is_paused(self) -> bool:
        """Whether speech waits for `resume`, `clear` or `drop`."""
        ...

    async def pause(self) -> None:
        """Fall silent, perhaps for a moment only; `resume`, `clear` or `drop` must follow. Raises SocketClosed."""
        ...

    def resume(self) -> None:
        """Go on from the clause that was cut short. Never waits."""
        ...

    async def clear(self) -> None:
        """Fall silent at once and for good: what was not heard by now shall not be. Raises SocketClosed."""
        ...

    def drop(self) -> None:
        """The same of speech that was paused. Never waits."""
        ...

    async def forget(self) -> None:
        """Drop what was begun and not sent."""
        ...

    def can_say(self, text: str) -> bool:
        """Whether this fixed sentence can be said although something of ours has just failed."""
        ...

    async def close(self) -> None:
        """The call is over: no word is heard or said any more."""
        ...

    async def hand_back(self, ending: Ending) -> None:
        """The call is stored: tell the other side how it ended, where it takes that."""
        ...
