"""The query parameters of `/v1/listen`, checked as the vendor documents them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.datastructures import QueryParams

from lab.deepgram.queries import flag, one_of, whole_number
from lab.deepgram.refusals import Refused
from lab.speech.mulaw import RATE

ENCODINGS = {
    "linear16",
    "linear32",
    "flac",
    "alaw",
    "mulaw",
    "amr-nb",
    "amr-wb",
    "opus",
    "ogg-opus",
    "speex",
    "g729",
}
FLAGS = (
    "interim_results",
    "vad_events",
    "smart_format",
    "no_delay",
    "punctuate",
    "numerals",
    "profanity_filter",
    "dictation",
    "detect_entities",
    "diarize",
    "multichannel",
    "mip_opt_out",
)
OTHERS = {
    "model",
    "version",
    "language",
    "language_hint",
    "encoding",
    "sample_rate",
    "channels",
    "endpointing",
    "utterance_end_ms",
    "keyterm",
    "keywords",
    "redact",
    "diarize_model",
    "search",
    "replace",
    "tag",
    "extra",
    "callback",
    "callback_method",
}
MOST_KEYTERM_TOKENS = 500
DEFAULT_ENDPOINTING_MS = 10
"""The vendor's default, far too eager for a conversation."""
_MODEL = re.compile(r"(nova-3|nova-2|nova|enhanced|base)(-[a-z]+)*|custom|whisper(-[a-z]+)?")
_LANGUAGE = re.compile(r"multi|[a-z]{2,3}(-[A-Za-z]{2,4}|-[0-9]{3})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenOptions:
    """What a client asked for."""

    model: str = "base"
    encoding: str | None = None
    """None: the sound comes in a container and says itself what it is."""
    sample_rate: int = RATE
    interim_results: bool = False
    endpointing_s: float | None = DEFAULT_ENDPOINTING_MS / 1000
    """Seconds of silence that end an utterance; None when endpointing is off."""
    utterance_end_s: float | None = None
    vad_events: bool = False
    keeps_form: bool = False
    """Whether words keep capitals and punctuation (`punctuate` or `smart_format`)."""
    keyterms: tuple[str, ...] = ()


def read(query: QueryParams) -> ListenOptions:
    """The options of a request. Raises Refused with status 400."""
    flags = {name: flag(query, name) for name in FLAGS}
    model = query.get("model", "base")
    if not _MODEL.fullmatch(model) or not _LANGUAGE.fullmatch(query.get("language", "en")):
        raise Refused(400, "No such model/language/tier combination found.")
    keyterms = tuple(query.getlist("keyterm"))
    if query.get("keywords") is not None and model.startswith("nova-3"):
        raise Refused(400, "Keywords are not supported for Nova-3; use keyterm.")
    if keyterms and not model.startswith("nova-3"):
        raise Refused(400, "Keyterm prompting is only supported for Nova-3.")
    if tokens(keyterms) > MOST_KEYTERM_TOKENS:
        raise Refused(400, f"Keyterm limit exceeded. The maximum number of tokens is {MOST_KEYTERM_TOKENS}.")
    if query.get("diarize_model", "latest") not in ("latest", "v1"):
        raise Refused(400, "This diarizer is not available for streaming.")
    encoding = one_of(query, "encoding", ENCODINGS)
    sample_rate = whole_number(query, "sample_rate")
    if encoding in ("linear16", "mulaw", "alaw") and sample_rate is None:
        raise Refused(400, "sample_rate is required when encoding is given.", "INVALID_QUERY_PARAMETER")
    if whole_number(query, "channels") not in (None, 1):
        raise Refused(400, "The lab's stand-in hears one channel only.")
    utterance_end = whole_number(query, "utterance_end_ms")
    return ListenOptions(
        model=model,
        encoding=encoding,
        sample_rate=sample_rate or RATE,
        interim_results=flags["interim_results"],
        endpointing_s=_endpointing(query),
        utterance_end_s=None if utterance_end is None else utterance_end / 1000,
        vad_events=flags["vad_events"],
        keeps_form=flags["smart_format"] or flags["punctuate"],
        keyterms=keyterms,
    )


def unknown(query: QueryParams) -> list[str]:
    """Parameters the vendor does not document; it ignores them, we count them."""
    return sorted({name for name in query if name not in OTHERS and name not in FLAGS})


def tokens(keyterms: tuple[str, ...]) -> int:
    """About how many tokens the terms take: their words."""
    return sum(len(term.split()) for term in keyterms)


def _endpointing(query: QueryParams) -> float | None:
    if query.get("endpointing") == "false":
        return None
    if query.get("endpointing") == "true":
        return DEFAULT_ENDPOINTING_MS / 1000
    asked = whole_number(query, "endpointing")
    return (DEFAULT_ENDPOINTING_MS if asked is None else asked) / 1000
