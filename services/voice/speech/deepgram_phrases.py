"""Aura's sentences that are kept: through Deepgram's REST interface and its SDK.

Nothing here is live, and a socket's twenty flushes a minute are better spent on callers.
"""

from __future__ import annotations

from typing import Final

import httpx
from deepgram.core.api_error import ApiError
from deepgram.core.client_wrapper import AsyncClientWrapper
from deepgram.environment import DeepgramClientEnvironment
from deepgram.speak.v1.audio.client import AsyncAudioClient

from services.voice.provider_results import Result
from services.voice.provider_socket import RETRYABLE
from services.voice.speech.arriving import FIRST_SOUND_S, NEXT_SOUND_S, ArrivingSentence
from services.voice.speech.deepgram_speak import TRAITS
from services.voice.speech.request_speaker import RequestSpeaker
from services.voice.speech.standing import Standing
from shared.clock import Clock
from shared.settings import socket_address

LONGEST_AUDIO: Final = 60 * 8000
"""Bytes; nothing we say at once is longer."""


def audio_client(base: str, key: str, http: httpx.AsyncClient) -> AsyncAudioClient:
    """The SDK's client for speech; its front door would also load sockets that rest on deprecated parts of others."""
    sockets = socket_address(base)
    environment = DeepgramClientEnvironment(base=base, production=sockets, agent=sockets, agent_rest=base)
    return AsyncAudioClient(client_wrapper=AsyncClientWrapper(api_key=key, environment=environment, httpx_client=http))


def http_client() -> httpx.AsyncClient:
    """Connections for `audio_client`. Keep it and close it."""
    return httpx.AsyncClient(timeout=httpx.Timeout(NEXT_SOUND_S, connect=FIRST_SOUND_S), trust_env=False)


class AuraPhrases(RequestSpeaker):
    """`Speaker` with one of Aura's voices, for whole sentences without a caller who waits."""

    traits = TRAITS

    def __init__(self, audio: AsyncAudioClient, name: str, clock: Clock, standing: Standing) -> None:
        super().__init__(name, clock, standing)
        self._audio = audio

    async def _speak(self, text: str, sentence: ArrivingSentence) -> None:
        total = 0
        pieces = self._audio.generate(text=text, model=self.name, encoding="mulaw", sample_rate=8000, container="none")
        try:
            async for piece in pieces:
                total += len(piece)
                if total > LONGEST_AUDIO:
                    sentence.failed("audio without end", Result.GARBAGE)
                    return
                sentence.sounded(piece)
            sentence.completed()
        except ApiError as error:  # the SDK's own text quotes headers and body
            status = error.status_code or 500
            refused = status < 500 and status not in RETRYABLE
            sentence.failed(f"answered {status}", Result.REFUSED if refused else Result.ERROR)
        except httpx.HTTPError as error:
            sentence.failed(type(error).__name__, Result.ERROR)
