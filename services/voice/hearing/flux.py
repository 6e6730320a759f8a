"""The dialect of `/v2/listen` (Flux): whole turns that grow, and the recogniser's own word on when one is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from services.voice.deepgram_socket import PROVIDER, Capability, Result, count
from services.voice.hearing import ports
from services.voice.hearing.dialect import Failed, Recogniser
from services.voice.hearing.flux_messages import Connected, Event, FatalError, StreamWarning, TurnInfo, read_message
from services.voice.hearing.timeline import Timeline
from shared.observability.logs import get_logger
from shared.rates.usage import Product
from shared.settings import DeepgramSettings

log = get_logger(__name__)

PATH: Final = "/v2/listen"
CHUNK: Final = 640
"""80 ms, which the vendor advises: four frames of Twilio's."""
LONGEST_PAUSE_MS: Final = 3000
"""Silence that ends a turn however unfinished it sounds; the vendor's 5000 would be dead air on a telephone."""


def is_flux(model: str) -> bool:
    """Whether a model speaks this dialect."""
    return model.startswith("flux-")


def flux(settings: DeepgramSettings, language: str, company: str) -> Recogniser:
    """The recogniser for a telephone line; an agent that does not speak English gets the model of many languages."""
    spoken = language.partition("-")[0].lower()
    query = [
        ("model", settings.deepgram_listen_model if spoken == "en" else "flux-general-multi"),
        ("encoding", "mulaw"),
        ("sample_rate", "8000"),
        ("eot_timeout_ms", str(LONGEST_PAUSE_MS)),
        ("eager_eot_threshold", str(settings.deepgram_eager_threshold)),
        ("numerals", "true"),
    ]
    if query[0][1] == "flux-general-multi":
        query.append(("language_hint", spoken))
    if company:
        query.append(("keyterm", company))
    return Recogniser(PATH, tuple(query), Product(PROVIDER, query[0][1]), Flux)


class Flux:
    """See `Dialect`."""

    chunk = CHUNK
    silent_chunk = CHUNK
    keep_alive: str | None = None
    finalize = '{"type":"ForceEndTurn"}'
    answers_when_asked = False

    def __init__(self, timeline: Timeline) -> None:
        self.is_ready = False
        self._timeline = timeline
        self._started = False
        """Whether the recogniser is sure that somebody speaks; words before that are often noise."""
        self._text = ""
        """The turn so far, by the present socket or by the one that was cut."""
        self._window_end = 0.0
        self._worded_until = 0.0
        """When the words last became more, on the present socket."""
        self._spoken_until = 0.0
        """The same on the call's clock."""

    def begin(self) -> Sequence[ports.Heard]:
        self.is_ready = self._started = False
        text, self._text = self._text, ""
        window_end, self._window_end, self._worded_until = self._window_end, 0.0, 0.0
        if not text or self._timeline.keeps_guessed_words:
            return ()
        # A turn longer than the audio that is kept: its words stand as they are, and what follows them is heard again.
        self._timeline.settle(window_end)
        self._timeline.guessed()
        return (ports.Final(text, ends_utterance=False, spoken_until=self._spoken_until),)

    def understand(self, data: bytes | str) -> Sequence[ports.Heard]:
        match read_message(data):
            case Connected():
                self.is_ready = True
            case TurnInfo() as info:
                return self._turn(info)
            case StreamWarning(code=code):
                log.warning("hearing_misunderstood", provider=PROVIDER, reason=code)
            case FatalError(code=code):
                raise Failed(code)
        return ()

    def _turn(self, info: TurnInfo) -> Sequence[ports.Heard]:
        text = info.transcript.strip()
        if text != self._text:
            self._text, self._worded_until = text, info.audio_window_end
        self._window_end = info.audio_window_end
        self._spoken_until = spoken_until = self._timeline.spoken_at(self._worded_until)
        if text:
            self._timeline.guessed()
        match info.event:
            case Event.START:
                self._started = True
                started = ports.SpeechStarted()
                return (started, ports.Interim(text, spoken_until)) if text else (started,)
            case Event.EAGER_END if text:
                return (ports.LikelyEnd(text, spoken_until),)
            case Event.RESUMED:
                return (ports.WentOn(), ports.Interim(text, spoken_until)) if text else (ports.WentOn(),)
            case Event.END:
                self._timeline.settle(info.audio_window_end)
                self._text, self._started = "", False
                if text:
                    count(Capability.HEARING, Result.OK)
                return (ports.Final(text, ends_utterance=True, spoken_until=spoken_until),)
        return (ports.Interim(text, spoken_until),) if text and self._started else ()
