"""The query parameters of `/v1/speak`, checked as the vendor documents them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.datastructures import QueryParams

from lab.deepgram.queries import flag, one_of, whole_number
from lab.deepgram.refusals import Refused
from lab.speech.mulaw import RATE, to_linear16
from lab.speech.wav import wav

LINEAR_RATES = (8000, 16000, 24000, 32000, 48000)
_ENGLISH_VOICE = re.compile(
    "aura-2-(amalthea|andromeda|apollo|arcas|aries|asteria|athena|atlas|aurora|callista|cora|cordelia|delia|draco"
    "|electra|harmonia|helena|hera|hermes|hyperion|iris|janus|juno|jupiter|luna|mars|minerva|neptune|odysseus|ophelia"
    "|orion|orpheus|pandora|phoebe|pluto|saturn|selene|thalia|theia|vesta|zeus)-en"
)
_FLUX_VOICE = re.compile("flux-[a-z]+-en")
_OTHER_VOICE = re.compile("aura-2-[a-z]+-(es|de|fr|nl|it|ja)|aura-[a-z]+-en")


@dataclass(frozen=True, slots=True)
class SpeakOptions:
    """What a client asked for."""

    model: str
    encoding: str
    sample_rate: int
    container: str = "none"

    def sound(self, mulaw: bytes) -> bytes:
        """Speech in the asked encoding."""
        return mulaw if self.encoding == "mulaw" else to_linear16(mulaw, self.sample_rate)

    def file(self, mulaw: bytes) -> bytes:
        """The whole answer of a request: the sound, in its container."""
        return wav(mulaw) if self.container == "wav" else self.sound(mulaw)

    @property
    def content_type(self) -> str:
        """What the vendor calls it."""
        if self.container == "wav":
            return "audio/wav"
        return f"audio/{'mulaw' if self.encoding == 'mulaw' else 'l16'};rate={self.sample_rate}"


def read_for_socket(query: QueryParams) -> SpeakOptions:
    """The options of `WS /v1/speak`. Raises Refused with status 400."""
    return read(query, is_socket=True)


def read_flux(query: QueryParams) -> SpeakOptions:
    """The options of `WS /v2/speak`: only Flux's voices. Raises Refused with status 400."""
    flag(query, "mip_opt_out")
    model = query.get("model", "")
    if not _FLUX_VOICE.fullmatch(model):
        raise Refused(400, f"No such model/version combination found: {model}")
    return _raw(query, model, one_of(query, "encoding", ("linear16", "mulaw", "alaw")) or "linear16", "none")


def read(query: QueryParams, *, is_socket: bool) -> SpeakOptions:
    """The options of a socket or of a request, whose defaults differ. Raises Refused with status 400."""
    flag(query, "mip_opt_out")
    model = query.get("model", "aura-asteria-en")
    if not (_ENGLISH_VOICE.fullmatch(model) or _OTHER_VOICE.fullmatch(model)):
        raise Refused(400, f"No such model/version combination found: {model}")
    known = ("linear16", "mulaw", "alaw") if is_socket else ("linear16", "mulaw", "alaw", "mp3", "opus", "flac", "aac")
    encoding = one_of(query, "encoding", known) or ("linear16" if is_socket else "mp3")
    container = one_of(query, "container", ("none", "wav", "ogg")) or ("none" if is_socket else "wav")
    options = _raw(query, model, encoding, container)
    if container == "ogg" or (container == "wav" and (is_socket or encoding != "mulaw")):
        raise Refused(400, f"Unsupported audio format: {encoding} in container {container}")
    return options


def _raw(query: QueryParams, model: str, encoding: str, container: str) -> SpeakOptions:
    sample_rate = whole_number(query, "sample_rate") or (RATE if encoding == "mulaw" else 24000)
    if encoding not in ("mulaw", "linear16"):
        raise Refused(400, f"The lab's stand-in speaks mulaw and linear16, not {encoding}.")
    if sample_rate not in ((RATE,) if encoding == "mulaw" else LINEAR_RATES):
        raise Refused(400, f"Unsupported audio format: {encoding} at {sample_rate} Hz")
    return SpeakOptions(model, encoding, sample_rate, container)
