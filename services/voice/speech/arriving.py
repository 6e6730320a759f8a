"""One sentence's audio while it arrives: given on at once, given up in time, judged by what can be heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from services.voice.provider_results import Result
from services.voice.speech.audible import JUDGED, first_audible, is_no_sound, is_static
from services.voice.speech.ports import SpeechRefused, SpeechUnavailable
from services.voice.speech.standing import Standing
from shared.clock import Clock

FIRST_SOUND_S: Final = 1.0
"""A sentence that cannot be heard after this long is given up; 0.1 to 0.3 s is usual."""
NEXT_SOUND_S: Final = 1.5
"""The same between two pieces of its audio, which comes several times faster than it is played."""
LONGEST_AUDIO: Final = 90 * 8000
"""Bytes of one sentence; more than anybody would listen to."""
LEAD: Final = 800
"""Bytes of silence kept before the first sound: 100 ms, in which a soft consonant begins."""
LONGEST_LEAD: Final = 3 * 8000
"""Bytes of silence after which nobody waits for a sound in them."""


class ArrivingSentence:
    """`Voiced`, filled by whoever receives from the provider."""

    def __init__(self, clock: Clock, standing: Standing, give_up: Callable[[], None]) -> None:
        """`give_up` is called once when the audio did not come in time: nothing good comes from its source any more."""
        self.sent_at = clock.monotonic()
        self.sounded_at: float | None = None
        self._clock = clock
        self._standing = standing
        self._give_up = give_up
        self._turn_at = self.sent_at
        self._audio = bytearray()
        self._silence = bytearray()
        """What came before the first sound."""
        self._total = 0
        self._skipped = 0
        """Bytes of leading silence that were left out."""
        self._unjudged = bytearray()
        """What came since somebody listened whether it is a voice."""
        self._complete = False
        self._problem: SpeechUnavailable | None = None
        self._news = asyncio.Event()
        self._times: list[tuple[int, int]] = []

    @property
    def total(self) -> int | None:
        return self._total if self._complete else None

    @property
    def taken(self) -> int:
        """Bytes of it that were read."""
        return self._total - len(self._audio)

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come."""
        return self._complete or self._problem is not None

    def turn_came(self) -> None:
        """The sentences before it have all their audio: from now on it is its own delay that counts."""
        self._turn_at = self._clock.monotonic()

    def spoken(self, characters: int, at: int) -> None:
        """So many characters of the text are spoken before byte `at` of what the provider sent."""
        self._times.append((at, characters))

    def sounded(self, audio: bytes) -> None:
        """More audio came."""
        if self.is_over:
            return
        if self.sounded_at is None:
            self._silence += audio
            at = self._first_sound()
            if at is None:
                return
            self._skipped = max(0, at - LEAD)
            audio = bytes(self._silence[self._skipped :])
        if self._is_static(audio):
            self.failed("static instead of speech", Result.GARBAGE)
            self._give_up()
            return
        if self.sounded_at is None:
            self._silence.clear()
            self.sounded_at = self._clock.monotonic()
            self._standing.sounded(self.sounded_at - self._turn_at)
        self._audio += audio
        self._total += len(audio)
        if self._total > LONGEST_AUDIO:
            self.failed("a sentence that does not end", Result.GARBAGE)
        self._news.set()

    def _first_sound(self) -> int | None:
        if is_no_sound(self._silence):
            self.failed("an answer that is no sound", Result.GARBAGE)
            self._give_up()
            return None
        at = first_audible(self._silence)
        if at is None and len(self._silence) > LONGEST_LEAD:
            self.failed("nothing but silence", Result.EMPTY)
            self._give_up()
        return at

    def _is_static(self, audio: bytes) -> bool:
        self._unjudged += audio
        if len(self._unjudged) < JUDGED:
            return False
        judged = bytes(self._unjudged[-JUDGED:])
        self._unjudged.clear()
        return is_static(judged)

    def completed(self) -> None:
        """All of it came."""
        if self.is_over:
            return
        if self._total == 0:
            self.failed("an answer without sound", Result.EMPTY)
        else:
            self._standing.succeeded()
            self._complete = True
            self._news.set()

    def failed(self, problem: str, result: Result | None = None) -> None:
        """No more will come; `result` is what the provider is to blame for, if it is."""
        if self.is_over:
            return
        if result is not None:
            self._standing.failed(result)
        self._problem = SpeechRefused(problem) if result is Result.REFUSED else SpeechUnavailable(problem)
        self._news.set()

    async def read(self, most: int) -> bytes:
        while not self._audio:
            if self._problem is not None:
                raise self._problem
            if self._complete:
                return b""
            self._news.clear()
            since, within = (self._turn_at, FIRST_SOUND_S) if self.sounded_at is None else (None, NEXT_SOUND_S)
            left = within if since is None else since + within - self._clock.monotonic()
            try:
                async with asyncio.timeout(max(0.0, left)):
                    await self._news.wait()
            except TimeoutError:
                self.failed("no sound in time", Result.TIMEOUT)
                self._give_up()
        piece = bytes(self._audio[:most])
        del self._audio[:most]
        return piece

    def characters_within(self, count: int) -> int | None:
        if not self._times:
            return None
        heard = count + self._skipped
        return max((characters for at, characters in self._times if at <= heard), default=0)
