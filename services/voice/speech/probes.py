"""Asks providers to speak when no caller does: one that was unwell until it is well, a silent one now and then.

So the first caller after an outage is not the one who finds out that it is over, and nobody falls back on a provider
that has been away since yesterday.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from typing import Final

from services.voice.speech.ports import SpeechUnavailable
from services.voice.speech.voices import NoSuchVoice, Voices
from services.voice.speech.whole import whole
from shared.clock import Clock
from shared.resilience.backoff import backoff
from shared.task_group import TaskSet

LOOK_S: Final = 1.0
"""How often is looked whether a probe is due."""
FIRST_S, HIGHEST_S = 2.0, 30.0
"""Seconds between the probes of a provider that is unwell."""
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
                self._tasks.start(self._watch(voice), "probe")

    async def _watch(self, voice: str) -> None:
        standing = self._voices.standing(voice)
        quiet_s = self._quiet_s * random.uniform(0.8, 1.2)  # noqa: S311  (spreads the processes)
        waits, due = backoff(FIRST_S, HIGHEST_S), 0.0
        while True:
            await asyncio.sleep(LOOK_S)
            now = self._clock.monotonic()
            if standing.is_well:
                waits, due = backoff(FIRST_S, HIGHEST_S), 0.0
                if not self._quiet_s or now - standing.heard_at < quiet_s:
                    continue
            elif now < due:
                continue
            await self.probe(voice)
            due = self._clock.monotonic() + next(waits)

    async def probe(self, voice: str) -> None:
        """Have it say a word; the provider's standing notes how that went."""
        try:
            speaker = self._voices.speaker(voice)
        except NoSuchVoice:
            return  # reported where it is needed
        try:
            await whole(speaker, self._voices.standing(voice), WORDS)
        except SpeechUnavailable:
            return  # noted
        finally:
            await speaker.close()

    async def close(self) -> None:
        """Ask nobody any more."""
        await self._tasks.close()
