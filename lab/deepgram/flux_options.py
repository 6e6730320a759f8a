"""The query parameters of `/v2/listen`, checked as the vendor documents them."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import QueryParams

from lab.deepgram.listen_options import MOST_KEYTERM_TOKENS, tokens
from lab.deepgram.queries import flag, number, one_of, whole_number
from lab.deepgram.refusals import Refused
from lab.speech.mulaw import RATE

MODELS = {"flux-general-en", "flux-general-multi"}
ENCODINGS = {"linear16", "linear32", "mulaw", "alaw", "opus", "ogg-opus"}
RATES = {8000, 16000, 24000, 44100, 48000}
FLAGS = ("numerals", "profanity_filter", "mip_opt_out")
OTHERS = {
    "model",
    "encoding",
    "sample_rate",
    "eot_threshold",
    "eager_eot_threshold",
    "eot_timeout_ms",
    "keyterm",
    "language_hint",
    "redact",
    "tag",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When a turn ends."""

    eot_threshold: float = 0.7
    """Confidence that ends it; 1.0 leaves that to the client."""
    eager_eot_threshold: float | None = None
    """Confidence that is reported as likely; None: such reports were not asked for."""
    eot_timeout_ms: int = 5000
    """Silence that ends it whatever the confidence."""

    @property
    def problem(self) -> str:
        """What is wrong with them, or nothing."""
        if not 0.5 <= self.eot_threshold <= 1.0:
            return "eot_threshold must be between 0.5 and 1.0"
        if self.eager_eot_threshold is not None and not 0.3 <= self.eager_eot_threshold <= 0.9:
            return "eager_eot_threshold must be between 0.3 and 0.9"
        if self.eager_eot_threshold is not None and self.eager_eot_threshold > self.eot_threshold:
            return "eager_eot_threshold must not exceed eot_threshold"
        if not 500 <= self.eot_timeout_ms <= 60_000:
            return "eot_timeout_ms must be between 500 and 60000"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FluxOptions:
    """What a client asked for."""

    thresholds: Thresholds
    encoding: str | None = None
    """None: the sound comes in a container and says itself what it is."""
    sample_rate: int = RATE
    keyterms: tuple[str, ...] = ()


def read(query: QueryParams) -> FluxOptions:
    """The options of a request. Raises Refused with status 400."""
    for name in FLAGS:
        flag(query, name)
    model = one_of(query, "model", MODELS)
    if model is None:
        raise Refused(400, "model is required.", "INVALID_QUERY_PARAMETER")
    if query.get("language_hint") is not None and model != "flux-general-multi":
        raise Refused(400, "language_hint needs flux-general-multi.", "INVALID_QUERY_PARAMETER")
    one_of(query, "redact", {"numbers", "aggressive_numbers"})
    encoding = one_of(query, "encoding", ENCODINGS)
    sample_rate = whole_number(query, "sample_rate")
    if encoding is not None and sample_rate not in RATES:
        raise Refused(400, "sample_rate must be one of 8000, 16000, 24000, 44100, 48000.", "INVALID_QUERY_PARAMETER")
    keyterms = tuple(query.getlist("keyterm"))
    if tokens(keyterms) > MOST_KEYTERM_TOKENS:
        raise Refused(400, f"Keyterm limit exceeded. The maximum number of tokens is {MOST_KEYTERM_TOKENS}.")
    threshold, timeout = number(query, "eot_threshold"), whole_number(query, "eot_timeout_ms")
    thresholds = Thresholds(
        eot_threshold=0.7 if threshold is None else threshold,
        eager_eot_threshold=number(query, "eager_eot_threshold"),
        eot_timeout_ms=5000 if timeout is None else timeout,
    )
    if thresholds.problem:
        raise Refused(400, thresholds.problem, "INVALID_QUERY_PARAMETER")
    return FluxOptions(thresholds=thresholds, encoding=encoding, sample_rate=sample_rate or RATE, keyterms=keyterms)


def unknown(query: QueryParams) -> list[str]:
    """Parameters that are not documented, those of the first protocol among them; they are counted."""
    return sorted({name for name in query if name not in OTHERS and name not in FLAGS})
