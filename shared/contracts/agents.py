"""The profile of an assistant: what it is called, how it speaks, what it may use."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.conversations import EmailPolicy, Opening, TicketPolicy
from shared.contracts.relay import RelayOptions, Transport
from shared.settings import DeepgramSettings

TOOLS = ("search_knowledge", "open_ticket", "end_call")
"""The tools an agent may be given."""
VOICE = r"^((elevenlabs|openai):)?[A-Za-z0-9][A-Za-z0-9._-]{1,80}$"
"""How a voice is named: `aura-2-thalia-en`, `elevenlabs:<voice id>`."""


class VoicePreference(StrEnum):
    """Which of an agent's voices speaks while several can be had."""

    QUALITY = "quality"
    """The first in the profile's order."""
    LATENCY = "latency"
    """The one whose first sound has come soonest lately."""


class HearingOptions(BaseModel):
    """Who hears an agent's callers, where that is not as the deployment's settings say; only over media streams."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Annotated[str, Field(pattern=r"^(nova|flux)-[a-z0-9-]{1,60}$")] | None = Field(
        default=None, description="such as nova-3 or flux-general-en; null: DEEPGRAM_LISTEN_MODEL"
    )
    endpointing_ms: int | None = Field(
        default=None, ge=10, le=5000, description="Nova: silence that ends an utterance; null: DEEPGRAM_ENDPOINTING_MS"
    )
    eager_threshold: float | None = Field(
        default=None, ge=0.3, le=0.7, description="Flux: how sure of a likely end; null: DEEPGRAM_EAGER_THRESHOLD"
    )

    def over(self, settings: DeepgramSettings) -> DeepgramSettings:
        """The settings with these in their place."""
        own = {
            "deepgram_listen_model": self.model,
            "deepgram_endpointing_ms": self.endpointing_ms,
            "deepgram_eager_threshold": self.eager_threshold,
        }
        return settings.model_copy(update={name: value for name, value in own.items() if value is not None})


class FurtherLanguage(BaseModel):
    """One more language that an agent can be asked to speak, and with which voice and ears it does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Annotated[str, Field(pattern=r"^[a-z]{2}-[A-Z]{2}$", description="BCP 47 with its region, such as de-DE")]
    voice: Annotated[str, Field(pattern=VOICE, description="as the agent's own; over media streams")]
    other_voices: Annotated[tuple[Annotated[str, Field(pattern=VOICE)], ...], Field(max_length=3)] = ()
    hearing: HearingOptions = Field(
        default=HearingOptions(), description="who hears, where not as the deployment's settings say"
    )


class RecordedSentence(BaseModel):
    """A sentence of the agent's that a person has recorded: it is played wherever the assistant says these words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    says: Annotated[str, Field(min_length=1, max_length=400, description="one fixed sentence, as the agent says it")]
    url: Annotated[
        str,
        Field(
            pattern=r"^https?://[^\s@#]+$",
            max_length=500,
            description="MP3 or WAV, at most half a minute; open to whoever plays it",
        ),
    ]


def primary(language: str) -> str:
    """The first part of a BCP 47 tag: `de` of `de-DE`."""
    return language.partition("-")[0].lower()


class AgentProfile(BaseModel):
    """Everything a conversation needs to know about the agent that leads it."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: UUID
    name: str
    company: str
    language: str = Field(description="BCP 47; hearing, voice and phrases follow it")
    voice: str = Field(description="such as aura-2-thalia-en, flux-haley-en, elevenlabs:<voice id> or openai:marin")
    other_voices: tuple[str, ...] = Field(default=(), description="who speaks when `voice` cannot, in this order")
    voice_preference: VoicePreference = VoicePreference.QUALITY
    greeting: str = Field(description="first words; the AI notice and the way to a person are always added")
    opening: Opening = Opening.GREET
    instructions: str = Field(description="what the company wants the assistant to keep to; no secrets")
    tone: str
    knowledge_collection: str
    tools: tuple[str, ...]
    ticket_policy: TicketPolicy
    email_policy: EmailPolicy
    hearing: HearingOptions = HearingOptions()
    languages: tuple[FurtherLanguage, ...] = Field(default=(), description="further ones a caller may ask for")
    recorded: tuple[RecordedSentence, ...] = Field(default=(), description="sentences that a person has recorded")
    transport: Transport = Transport.MEDIA_STREAMS
    relay: RelayOptions = RelayOptions()
    records_calls: bool = False
    transfer_number: str | None = Field(description="E.164 number of a person, or null when there is none")

    @property
    def codes(self) -> tuple[str, ...]:
        """Every language it speaks, its own first."""
        return (self.language, *(further.code for further in self.languages))

    def recording_of(self, sentence: str) -> str | None:
        """Where the recording of this sentence is; None when nobody has recorded it."""
        return next((one.url for one in self.recorded if one.says == sentence), None)

    def speaking(self, language: str) -> Self:
        """The same agent in one of its further languages; as it is for its own, or one that it does not speak."""
        for further in self.languages:
            if further.code == language:
                other = {name: getattr(further, name) for name in ("voice", "other_voices", "hearing")}
                return self.model_copy(update={"language": language, **other})
        return self
