"""Has the audio of fixed sentences ready before a caller needs it: greetings, and what is said when speech fails.

Through speakers of its own: what a caller's socket may do in a minute is better spent on callers.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Final

from services.voice.speech.audio_cache import AudioCache
from services.voice.speech.ports import Speaker, SpeechRefused, SpeechUnavailable
from services.voice.speech.voices import NoSuchVoice, Voices
from services.voice.speech.whole import whole
from shared.observability.logs import get_logger
from shared.resilience.backoff import backoff
from shared.task_group import TaskSet

log = get_logger(__name__)

TRIES: Final = 6
"""Over a minute or more; a sentence that is missing after that is spoken live and kept then."""


class WarmUp:
    """Fills the cache in the background: each sentence once, one after another in each voice."""

    def __init__(self, voices: Voices, cache: AudioCache) -> None:
        self._voices = voices
        self._cache = cache
        self._wanted: dict[str, dict[str, None]] = {}
        """Texts by voice, in the order in which they were wanted; a voice stays while somebody works for it."""
        self._refused: set[str] = set()
        """Voices that are not asked for again."""
        self._tasks = TaskSet("warm-up")

    def want(self, voice: str, texts: Iterable[str]) -> None:
        """Have these sentences ready soon. Never waits."""
        missing = dict.fromkeys(text for text in texts if self._cache.get(voice, text) is None)
        if not missing or voice in self._refused:
            return
        if voice in self._wanted:
            self._wanted[voice] |= missing
        else:
            self._wanted[voice] = missing
            self._tasks.start(self._fill(voice), "warm-up")

    async def _fill(self, voice: str) -> None:
        try:
            speaker = self._voices.phrase_speaker(voice)
        except NoSuchVoice as missing:
            self._refuse(voice, str(missing))
            return
        try:
            await self._fill_with(speaker, voice)
        except SpeechRefused as refusal:
            self._refuse(voice, refusal.detail)
        finally:
            self._wanted.pop(voice, None)
            await speaker.close()

    async def _fill_with(self, speaker: Speaker, voice: str) -> None:
        texts, failures = self._wanted[voice], Counter[str]()
        waits = backoff(1.0, 60.0)
        while texts:
            text = next(iter(texts))
            try:
                audio = await whole(speaker, self._voices.standing(voice), text)
            except SpeechRefused:
                raise
            except SpeechUnavailable as problem:
                del texts[text]
                failures[text] += 1
                if failures[text] < TRIES:
                    texts[text] = None  # behind the others
                else:
                    log.warning("phrase_not_ready", attempts=TRIES, reason=problem.detail)
                await asyncio.sleep(next(waits))
            else:
                waits = backoff(1.0, 60.0)
                self._cache.keep(voice, text, audio)
                del texts[text]

    def _refuse(self, voice: str, reason: str) -> None:
        self._refused.add(voice)
        self._wanted.pop(voice, None)
        log.error("voice_refused", provider=self._voices.standing(voice).provider, reason=reason)

    async def wait(self) -> None:
        """Wait until everything wanted so far is ready or given up."""
        await self._tasks.wait()

    async def close(self) -> None:
        """Stop filling."""
        await self._tasks.close()
