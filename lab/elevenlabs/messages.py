"""What clients send. An unknown field, a wrong type or a setting out of its range is refused."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class _Strict(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    pass


class VoiceSettings(_Strict):
    """How the voice sounds."""

    stability: Share = 0.5
    similarity_boost: Share = 0.75
    style: Share = 0.0
    use_speaker_boost: bool = True
    speed: Annotated[float, msgspec.Meta(ge=0.7, le=1.2)] = 1.0


class Generation(_Strict):
    """When sound is made without a flush."""

    chunk_length_schedule: list[Annotated[int, msgspec.Meta(ge=50, le=500)]] = msgspec.field(
        default_factory=lambda: [120, 160, 250, 290]
    )


class Message(_Strict):
    """Every field of both sockets; which go together is the socket's rule."""

    text: str | None = None
    context_id: str | None = None
    voice_settings: VoiceSettings | None = None
    generation_config: Generation | None = None
    generator_config: Generation | None = None
    pronunciation_dictionary_locators: list[dict[str, Any]] | None = None
    try_trigger_generation: bool | None = None
    flush: bool = False
    close_context: bool = False
    close_socket: bool = False
    xi_api_key: str | None = None
    xi_api_key_alias: str | None = msgspec.field(name="xi-api-key", default=None)
    authorization: str | None = None

    @property
    def key(self) -> str | None:
        """The credential inside it."""
        return self.xi_api_key or self.xi_api_key_alias

    @property
    def has_settings(self) -> bool:
        """Whether it says what only a first message may."""
        return self.voice_settings is not None or self.generation_config is not None


class SpeechRequest(msgspec.Struct, kw_only=True):
    """The body of a request to speak."""

    text: str
    model_id: str = "eleven_multilingual_v2"
    voice_settings: VoiceSettings | None = None


read = msgspec.json.Decoder(Message).decode
