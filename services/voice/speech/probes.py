"""Asks providers to speak when no caller does: one that was unwell when its rest is over, a silent one now and then.

So the first caller after an outage is not the one who finds out that it is over, and nobody falls back on a provider
that has been away since yesterday. Of all processes one at a time tries a provider that is unwell: the board says who.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Final

from services.voice.speech.ports import SpeechUnavailable
from services.voice.speech.voices import NoSuchVoice, Voices
from services.voice.speech.whole import whole
from shared.clock import Clock
from shared.task_group import TaskSet

LOOK_S: Final = 1.0
"""How often is looked whether a probe is due."""
WORDS: Final = "Hello."


class Probes:
    """One watch for each provider that an agent may speak with."""

    def __init__(self, voices: Voices, clock: Clock, quiet_s: float) -> None:
        """A well provider is asked when nobody has heard it for `quiet_s`; 0 leaves it alone."""
        self._voices = voices
        self._clock = clock
        self._quiet_s = quiet_s
        self._watched: set[str] = set()
        self._tasks = TaskSet("probes")

    def watch(self, names: Iterable[str]) -> None:
        """Watch the providers of these voices from now on."""
        for voice in names:
            provider = self._voices.standing(voice).provider
            if provider not in self._watched:
                self._watched.add(provider)
                self._voices.probe_with(voice, partial(self.probe, voice))
                if self._quiet_s:
                    self._tasks.start(self._watch(voice), "probe")

    async def _watch(self, voice: str) -> None:
        standing = self._voices.standing(voice)
        quiet_s = self._quiet_s * random.uniform(0.8, 1.2)  # noqa: S311  (spreads the processes)
        asked_at = self._clock.monotonic()
        while True:
            await asyncio.sleep(LOOK_S)
            now = self._clock.monotonic()
            if standing.is_well and now - max(standing.heard_at, asked_at) >= quiet_s:
                asked_at = now
                with suppress(SpeechUnavailable):  # noted
                    await self.probe(voice)

    async def probe(self, voice: str) -> None:
        """Have it say a word; the provider's standing notes how that went. Raises SpeechUnavailable."""
        try:
            speaker = self._voices.speaker(voice)
        except NoSuchVoice:
            return  # reported where it is needed
        try:
            await whole(speaker, self._voices.standing(voice), WORDS)
        finally:
            await speaker.close()

    async def close(self) -> None:
        """Ask nobody any more."""
        await self._tasks.close()
