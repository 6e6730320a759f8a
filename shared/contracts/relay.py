"""How an agent's calls are carried, and what ConversationRelay is told about hearing and speech.

Names, values and ranges are those of Twilio's noun `<ConversationRelay>` (2026-11). An attribute that Twilio does not
know is dropped there without a word, so nothing else can be set.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from shared.security.xml_text import clean_xml_text


class Transport(StrEnum):
    """Who hears and speaks in a call."""

    MEDIA_STREAMS = "media_streams"
    """We do: sound goes both ways."""
    CONVERSATION_RELAY = "conversation_relay"
    """Twilio does: text goes both ways."""


_REGIONS = {"en": "en-US", "de": "de-DE", "es": "es-ES", "fr": "fr-FR", "nl": "nl-NL"}
"""The region that is meant where a profile names none: Twilio's speech wants one."""


def with_region(language: str) -> str:
    """A BCP 47 tag as Twilio's speech takes it; English of a language whose region we do not know."""
    return language if "-" in language else _REGIONS.get(language, _REGIONS["en"])


Interrupts = Literal["none", "dtmf", "speech", "any"]
SpeechProvider = Literal["ElevenLabs", "Google", "Amazon"]
HearingProvider = Literal["Deepgram", "Google"]


def _plain(text: str) -> str:
    if clean_xml_text(text, len(text)) != text or not text.strip():
        raise ValueError("must not be blank or hold control characters")
    return text.strip()


def _hint(text: str) -> str:
    if "," in text:
        raise ValueError("must not hold a comma: each hint is an entry of its own")
    return text


Code = Annotated[str, Field(pattern=r"^([a-z]{2,3}-[A-Z]{2}|multi)$", description="BCP 47, such as nl-NL, or multi")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,98}$")]
Hint = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_plain), AfterValidator(_hint)]
Hints = Annotated[tuple[Hint, ...], Field(max_length=100)]


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ElevenLabsVoice(_Options):
    """How an ElevenLabs voice speaks; Twilio takes it as part of the voice's name."""

    model: Name = "flash_v2_5"
    speed: float = Field(default=1.0, ge=0.7, le=1.2)
    stability: float = Field(default=0.5, ge=0, le=1)
    similarity: float = Field(default=0.75, ge=0, le=1)


class RelayLanguage(_Options):
    """What one more language is heard and spoken with; it selects none."""

    code: Code
    tts_provider: SpeechProvider | None = None
    voice: Name | None = None
    transcription_provider: HearingProvider | None = None
    speech_model: Name | None = None
    hints: Hints = ()


class RelayOptions(_Options):
    """ConversationRelay's attributes; what is None is left to Twilio's own default."""

    tts_provider: SpeechProvider = "ElevenLabs"
    voice: Name | None = Field(default=None, description="the provider's name of the voice, null: Twilio's choice")
    elevenlabs: ElevenLabsVoice | None = Field(default=None, description="only with a voice of ElevenLabs")
    transcription_provider: HearingProvider = "Deepgram"
    speech_model: Name | None = Field(default=None, description="such as nova-3-general, flux or telephony")
    eot_threshold: float | None = Field(default=None, ge=0.5, le=0.9, description="end of turn, flux only")
    eager_eot_threshold: float | None = Field(default=None, ge=0.3, le=0.9, description="early guess at it, flux only")
    partial_prompts: bool = Field(default=False, description="words as they are recognised, flux only")
    speech_timeout_ms: int | None = Field(default=None, ge=600, le=5000, description="null: as Twilio sees fit")
    turn_detection: bool = False
    hints: Hints = ()
    profanity_filter: bool | None = None
    smart_format: bool | None = None
    text_normalization: Literal["on", "auto", "off"] | None = None
    background_noise_reduction: bool | None = None
    echo_prompt_filtering: bool | None = None
    interruptible: Interrupts = "speech"
    interrupt_sensitivity: Literal["low", "medium", "high"] | None = None
    ignore_backchannel: bool = True
    report_input_during_speech: Interrupts = Field(
        default="any", description="Twilio's own default, none, loses what a caller says while we speak"
    )
    dtmf_detection: bool = True
    welcome: Literal["assistant", "twilio"] = Field(
        default="assistant", description="who speaks the greeting; twilio: at once, before our socket is open"
    )
    languages: Annotated[tuple[RelayLanguage, ...], Field(max_length=20)] = ()

    def hears_all(self, codes: Sequence[str]) -> bool:
        """Whether Twilio is to tell by itself which language is spoken; `codes` are those of the agent."""
        return len(codes) > 1 and any(language.code == "multi" for language in self.languages)

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.elevenlabs is not None and (self.tts_provider != "ElevenLabs" or self.voice is None):
            raise ValueError("elevenlabs needs tts_provider ElevenLabs and a voice")
        is_flux = self.transcription_provider == "Deepgram" and (self.speech_model or "").startswith("flux")
        for_flux = self.partial_prompts or self.eot_threshold is not None or self.eager_eot_threshold is not None
        if for_flux and not is_flux:
            raise ValueError("partial_prompts and the end-of-turn thresholds need Deepgram's speech_model flux")
        if len({language.code for language in self.languages}) != len(self.languages):
            raise ValueError("each language may stand once")
        return self
