"""The dialect of `/v1/listen` (Nova): windows of words that become final, and two detectors of an utterance's end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from services.voice.deepgram_socket import PROVIDER, Capability, Result, count
from services.voice.hearing import ports
from services.voice.hearing.dialect import Recogniser
from services.voice.hearing.heard_audio import BYTES_PER_SECOND
from services.voice.hearing.nova_messages import (
    ClientError,
    Results,
    SessionMetadata,
    VoiceDetected,
    WordGap,
    read_message,
)
from services.voice.hearing.timeline import Timeline
from shared.observability.logs import get_logger
from shared.rates.usage import Product
from shared.settings import DeepgramSettings

log = get_logger(__name__)

PATH: Final = "/v1/listen"
UTTERANCE_END_MS: Final = 1000
"""The vendor's smallest useful value: interims come about once a second."""


def nova(settings: DeepgramSettings, language: str, company: str) -> Recogniser:
    """The recogniser for a telephone line; the company's name is a word worth expecting."""
    query = [
        ("model", settings.deepgram_listen_model),
        ("language", language),
        ("encoding", "mulaw"),
        ("sample_rate", "8000"),
        ("channels", "1"),
        ("interim_results", "true"),
        ("endpointing", str(settings.deepgram_endpointing_ms)),
        ("utterance_end_ms", str(UTTERANCE_END_MS)),
        ("vad_events", "true"),
        ("smart_format", "true"),
        ("punctuate", "true"),
        ("numerals", "true"),
    ]
    if settings.deepgram_listen_model.startswith("nova-3") and company:
        query.append(("keyterm", company))
    several = " multi" if language == "multi" else ""
    return Recogniser(PATH, tuple(query), Product(PROVIDER, settings.deepgram_listen_model + several), Nova)


class Nova:
    """See `Dialect`."""

    chunk = 1
    silent_chunk = BYTES_PER_SECOND // 10
    keep_alive: str | None = '{"type":"KeepAlive"}'
    finalize = '{"type":"Finalize"}'
    answers_when_asked = True
    is_ready = True

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline

    def begin(self) -> Sequence[ports.Heard]:
        return ()

    def understand(self, data: bytes | str) -> Sequence[ports.Heard]:
        match read_message(data):
            case Results() as results:
                return self._words(results)
            case WordGap(last_word_end=last_word_end):
                return (ports.UtteranceEnded(self._timeline.spoken_at(last_word_end)),)
            case VoiceDetected():
                return (ports.SpeechStarted(),)
            case ClientError(variant=variant):
                log.warning("hearing_misunderstood", provider=PROVIDER, reason=variant)
            case SessionMetadata(request_id=request_id):
                log.debug("hearing_session", provider=PROVIDER, provider_request_id=request_id)
        return ()

    def _words(self, results: Results) -> Sequence[ports.Heard]:
        """Words of one window; none of a window that was settled before, nor a guess of nothing."""
        window_end = results.start + results.duration
        text = results.text
        if text and self._timeline.position(window_end) <= self._timeline.settled:
            return ()
        spoken_until = self._timeline.spoken_at(results.last_word_end)
        if not results.is_final and not results.speech_final:
            if not text:
                return ()
            self._timeline.guessed()
            return (ports.Interim(text, spoken_until, window_end - results.last_word_end),)
        self._timeline.settle(window_end)
        if text:
            count(Capability.HEARING, Result.OK)
        return (ports.Final(text, results.speech_final, spoken_until),)
