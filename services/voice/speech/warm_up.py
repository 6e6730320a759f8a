"""Has the audio of fixed sentences ready before a caller needs it: greetings, and what is said when speech fails.

Through Deepgram's REST interface and its SDK: nothing here is live, and a socket's flushes are better spent on callers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

import httpx
from deepgram.core.api_error import ApiError
from deepgram.core.client_wrapper import AsyncClientWrapper
from deepgram.environment import DeepgramClientEnvironment
from deepgram.speak.v1.audio.client import AsyncAudioClient

from services.voice.deepgram_socket import PROVIDER, RETRYABLE, Capability, Result, count
from services.voice.speech.audio_cache import AudioCache
from shared.errors import Permanent, Transient
from shared.observability.logs import get_logger
from shared.resilience.backoff import backoff
from shared.settings import socket_address
from shared.task_group import TaskSet

log = get_logger(__name__)

DEADLINE_S: Final = 10.0
"""For one sentence."""
LONGEST_AUDIO: Final = 60 * 8000
"""Bytes; nothing we say at once is longer."""
TRIES: Final = 6
"""Over about two minutes; a sentence that is missing after that is spoken live and kept then."""


class NotSynthesised(Transient):
    """The provider gave no usable audio this time."""


class VoiceRefused(Permanent):
    """The provider will not speak with this voice, or not for us."""


class PhraseSynthesis:
    """One whole sentence at a time, as raw μ-law."""

    def __init__(self, base: str, key: str) -> None:
        sockets = socket_address(base)
        self._http = httpx.AsyncClient(timeout=DEADLINE_S, trust_env=False)
        # The SDK's front door would also load its sockets, which rest on deprecated parts of websockets.
        self._audio = AsyncAudioClient(
            client_wrapper=AsyncClientWrapper(
                api_key=key,
                environment=DeepgramClientEnvironment(base=base, production=sockets, agent=sockets, agent_rest=base),
                httpx_client=self._http,
            )
        )

    async def synthesise(self, voice: str, text: str) -> bytes:
        """The sentence's audio. Raises NotSynthesised or VoiceRefused."""
        audio = bytearray()
        try:
            async with asyncio.timeout(DEADLINE_S):
                pieces = self._audio.generate(
                    text=text, model=voice, encoding="mulaw", sample_rate=8000, container="none"
                )
                async for piece in pieces:
                    audio += piece
                    if len(audio) > LONGEST_AUDIO:
                        raise NotSynthesised("audio without end")
        except ApiError as error:
            count(Capability.SPEECH, Result.REFUSED)
            status = error.status_code or 500
            refusal = VoiceRefused if status < 500 and status not in RETRYABLE else NotSynthesised
            raise refusal(f"answered {status}") from None  # the SDK's own error quotes headers and body
        except (httpx.HTTPError, TimeoutError) as error:
            count(Capability.SPEECH, Result.TIMEOUT if isinstance(error, TimeoutError) else Result.ERROR)
            raise NotSynthesised(type(error).__name__) from error
        if not audio:
            count(Capability.SPEECH, Result.EMPTY)
            raise NotSynthesised("an answer without sound")
        count(Capability.SPEECH, Result.OK)
        return bytes(audio)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


class WarmUp:
    """Fills the cache in the background, each sentence once, a few at a time."""

    def __init__(self, synthesis: PhraseSynthesis, cache: AudioCache) -> None:
        self._synthesis = synthesis
        self._cache = cache
        self._wanted: set[tuple[str, str]] = set()
        self._refused: set[str] = set()
        """Voices that are not asked for again."""
        self._tasks = TaskSet("warm-up")
        self._at_once = asyncio.Semaphore(2)

    def want(self, voice: str, texts: Iterable[str]) -> None:
        """Have these sentences ready soon. Never waits."""
        for text in texts:
            if (voice, text) not in self._wanted and self._cache.get(voice, text) is None:
                self._wanted.add((voice, text))
                self._tasks.start(self._fill(voice, text), "warm-up")

    async def _fill(self, voice: str, text: str) -> None:
        waits = backoff(1.0, 60.0)
        problem = ""
        try:
            for _ in range(TRIES):
                try:
                    async with self._at_once:
                        if voice in self._refused:
                            return
                        audio = await self._synthesis.synthesise(voice, text)
                except NotSynthesised as failure:
                    problem = failure.detail
                    await asyncio.sleep(next(waits))
                except VoiceRefused as refusal:
                    self._refused.add(voice)
                    log.error("voice_refused", provider=PROVIDER, reason=refusal.detail)  # noqa: TRY400
                    return
                else:
                    self._cache.keep(voice, text, audio)
                    return
            log.warning("phrase_not_ready", provider=PROVIDER, attempts=TRIES, reason=problem)
        finally:
            self._wanted.discard((voice, text))

    async def wait(self) -> None:
        """Wait until everything wanted so far is ready or given up."""
        await self._tasks.wait()

    async def close(self) -> None:
        """Stop filling."""
        await self._tasks.close()
        await self._synthesis.close()
