"""Speech through an OpenAI-compatible `/v1/audio/speech`: one request a sentence, converted while it streams.

OpenAI's own models end on 6 January 2027; self-hosted servers speak the same protocol. There is no μ-law: 24 kHz PCM,
or MP3 from servers that have nothing else, goes through one `Conversion` a sentence. Two sentences may be synthesised
at once, and their samples must not meet in one filter.
"""

from __future__ import annotations

from typing import Final

import httpx2
from openai import AsyncOpenAI, OpenAIError

from services.voice.provider_results import Result
from services.voice.speech.arriving import FIRST_SOUND_S, NEXT_SOUND_S, ArrivingSentence
from services.voice.speech.conversion import Conversion, NotAudio
from services.voice.speech.ports import SpeakerTraits
from services.voice.speech.request_speaker import RequestSpeaker
from services.voice.speech.standing import Standing
from shared.clients.openai_errors import error_of
from shared.clock import Clock
from shared.errors import Permanent
from shared.settings import OpenAISettings, OpenAISpeechSettings

PROVIDER: Final = "openai"
PREFIX: Final = "openai:"
TRAITS: Final = SpeakerTraits(native_mulaw=False, word_timing=False, first_sound_s=0.5)


def speech_client(settings: OpenAISpeechSettings, account: OpenAISettings) -> AsyncOpenAI | None:
    """A client for this process, or None when there is no such server. Keep it and close it."""
    key, base = settings.openai_speech_api_key, settings.openai_speech_base_url
    if base is None:
        key, base = key or account.openai_api_key, account.openai_base_url
        if key is None:
            return None
    return AsyncOpenAI(
        api_key=key.get_secret_value() if key is not None else "none",  # a server of one's own may want none
        base_url=base,
        timeout=httpx2.Timeout(NEXT_SOUND_S, connect=FIRST_SOUND_S),
        max_retries=0,
    )


class OpenAISpeaker(RequestSpeaker):
    """`Speaker` with the voice `openai:<voice>`."""

    traits = TRAITS

    def __init__(
        self, client: AsyncOpenAI, settings: OpenAISpeechSettings, name: str, clock: Clock, standing: Standing
    ) -> None:
        super().__init__(name, clock, standing)
        self._client = client
        self._settings = settings

    async def _speak(self, text: str, sentence: ArrivingSentence) -> None:
        settings = self._settings
        conversion = Conversion(settings.openai_speech_format, settings.openai_speech_rate)
        try:
            async with self._client.audio.speech.with_streaming_response.create(
                input=text,
                model=settings.openai_speech_model,
                voice=self.name.removeprefix(PREFIX),
                response_format=settings.openai_speech_format.value,
            ) as answer:
                async for piece in answer.iter_bytes():  # as it comes: a fixed size would hold MP3 back
                    sentence.sounded(conversion.feed(piece))
            sentence.sounded(conversion.finish())
            sentence.completed()
        except NotAudio:
            sentence.failed("an answer that is no sound", Result.GARBAGE)
        except (OpenAIError, httpx2.HTTPError) as error:
            problem = error_of(error, "speech")
            refused = isinstance(problem, Permanent)
            sentence.failed(problem.detail, Result.REFUSED if refused else Result.ERROR)
