"""The query parameters of the text-to-speech endpoints, checked as the vendor documents them."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import QueryParams

from lab.elevenlabs.refusals import Refused
from lab.speech.mulaw import RATE, to_linear16

SOCKET_MODELS = (
    "eleven_flash_v2_5",
    "eleven_flash_v2",
    "eleven_turbo_v2_5",
    "eleven_turbo_v2",
    "eleven_multilingual_v2",
)
"""Those of v3 and v4 are refused on the text-to-speech sockets."""
HTTP_MODELS = (*SOCKET_MODELS, "eleven_v3")
LONGEST_INACTIVITY_S = 180


@dataclass(frozen=True, slots=True)
class Options:
    """What a client asked for."""

    rate: int | None
    """Of linear PCM; None for μ-law."""
    inactivity_s: int = 20
    auto_mode: bool = False
    sync_alignment: bool = False

    def sound(self, mulaw: bytes) -> bytes:
        """Speech in the asked format."""
        return mulaw if self.rate is None else to_linear16(mulaw, self.rate)


def read(query: QueryParams, models: tuple[str, ...]) -> Options:
    """The options of a socket or request. Raises Refused."""
    if query.get("model_id", models[0]) not in models:
        raise Refused("invalid_model")
    return Options(
        rate=output_rate(query.get("output_format", "mp3_44100_128")),
        inactivity_s=min(LONGEST_INACTIVITY_S, int(query.get("inactivity_timeout", "20"))),
        auto_mode=query.get("auto_mode") == "true",
        sync_alignment=query.get("sync_alignment") == "true",
    )


def output_rate(output_format: str) -> int | None:
    """Hertz of PCM, None for μ-law. Raises Refused for every other format: MP3, Opus and A-law are not done."""
    if output_format == "ulaw_8000":
        return None
    codec, _, rate = output_format.partition("_")
    if codec != "pcm" or rate not in ("8000", "16000", "24000", "32000", "48000"):
        raise Refused("invalid_output_format")
    return int(rate) if rate else RATE
