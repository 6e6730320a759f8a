"""The caller's words as Twilio's own recogniser reports them, in the form every hearing has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress

from services.voice.hearing.ports import Final, Heard, Interim, SpeechStarted
from shared.clock import Clock

TAKEN_WITHIN_S = 0.5


class RelayHearing:
    """Prompts become guesses and final words; when they were spoken is not said, so that is when they came."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: asyncio.Queue[Heard | None] = asyncio.Queue()
        self._guess = ""
        self._taken = ""
        """A guess that was taken for final because nothing followed; its final must not be heard again."""

    def prompt(self, words: str, *, last: bool, language: str = "") -> None:
        """One report of Twilio's; `language` is what it tells the words to be in, where it is to tell."""
        rest = _without(words.strip(), self._taken)
        now = self._clock.monotonic()
        if last:
            self._guess = self._taken = ""
            self._events.put_nowait(Final(rest, ends_utterance=True, spoken_until=now, language=language))
        else:
            self._guess = words.strip()
            self._events.put_nowait(Interim(rest, now))

    def sound(self) -> None:
        """Something that may become words."""
        self._events.put_nowait(SpeechStarted())

    def finalize(self) -> None:
        """Twilio takes no such request: the newest guess stands."""
        rest, self._taken = _without(self._guess, self._taken), self._guess
        self._events.put_nowait(Final(rest, ends_utterance=True, spoken_until=self._clock.monotonic()))

    async def events(self) -> AsyncGenerator[Heard, None]:
        while (event := await self._events.get()) is not None:
            yield event
            self._events.task_done()

    async def taken(self) -> None:
        """Wait a moment until whoever listens has taken every report."""
        with suppress(TimeoutError):
            async with asyncio.timeout(TAKEN_WITHIN_S):
                await self._events.join()

    async def close(self) -> None:
        self._events.put_nowait(None)


def _without(words: str, taken: str) -> str:
    """The words behind those that were taken already; all of them when the recogniser has changed its mind."""
    ours, theirs = taken.split(), words.split()
    if not ours or [_bare(word) for word in theirs[: len(ours)]] != [_bare(word) for word in ours]:
        return words
    return " ".join(theirs[len(ours) :])


def _bare(word: str) -> str:
    return word.strip(".,;:!?…").casefold()
