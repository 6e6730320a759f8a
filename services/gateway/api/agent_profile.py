"""What an agent may be told: the rules of its profile, checked before anything is stored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Self

import phonenumbers
from pydantic import MISSING, AfterValidator, ConfigDict, Field, model_validator

from services.gateway.api.strict import Named, PlainText, Strict
from services.gateway.webhooks.caller import is_e164
from shared.contracts.agents import (
    TOOLS,
    VOICE,
    FurtherLanguage,
    HearingOptions,
    RecordedSentence,
    VoicePreference,
    primary,
)
from shared.contracts.calls import OnMachine, TransferMode, WhenFull
from shared.contracts.conversations import EmailPolicy, Opening, RepeatPolicy, TicketPolicy
from shared.contracts.relay import ElevenLabsVoice, RelayOptions, Transport
from shared.conversation.phrases import LANGUAGES
from shared.conversation.spoken.speakable import speakable
from shared.errors import Invalid
from shared.security.redaction import holds_secret

LONGEST_INSTRUCTIONS = 6000
"""Characters; they go into every request to the model."""
LONGEST_GREETING = 600
"""Characters; about forty seconds of speech."""
MOST_NUMBERS = 50
MOST_OTHER_VOICES = 3
MOST_LANGUAGES = 10
MOST_RECORDED = 20
_DEEPGRAM = re.compile(r"(?:aura(?:-\d+)?|flux)-[a-z]+-(?P<language>[a-z]{2})\Z")

Tool = StrEnum("Tool", {name.upper(): name for name in TOOLS})  # type: ignore[misc]
"""What an agent may use."""


def _number(text: str) -> str:
    """The number in E.164, however it was written. Raises ValueError."""
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException as error:
        raise ValueError("must be a telephone number with its country code, such as +18005550101") from error
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if number.extension or not phonenumbers.is_possible_number(number) or not is_e164(written):
        raise ValueError("must be a telephone number with its country code, such as +18005550101")
    return written


def _not_premium(number: str) -> str:
    """Refuse what somebody would earn money with if they talked the assistant into a transfer."""
    kind = phonenumbers.number_type(phonenumbers.parse(number))
    if kind in (phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.SHARED_COST):
        raise ValueError("must not be a premium or shared-cost number")
    return number


def no_secret(text: str) -> str:
    """Refuse keys and tokens: what the model is told, a caller can make it say."""
    if holds_secret(text):
        raise ValueError("must not hold a key, token or password")
    return text


def _each_once(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise ValueError("must not name anything twice")
    return values


def _with_sentences(languages: list[FurtherLanguage]) -> list[FurtherLanguage]:
    """Refuse a language twice, one that we have no sentences for, and voices of another language."""
    spoken = [primary(language.code) for language in languages]
    if len(set(spoken)) != len(spoken):
        raise ValueError("must not name a language twice")
    if missing := {*spoken} - LANGUAGES:
        raise ValueError(f"there are no fixed sentences in {', '.join(sorted(missing))}; see docs/languages.md")
    for language in languages:
        if _languages_of([language.voice, *language.other_voices]) - {primary(language.code)}:
            raise ValueError(f"a voice of {language.code} speaks another language: choose one that ends with the same")
    return languages


def _as_it_is_said(recorded: list[RecordedSentence]) -> list[RecordedSentence]:
    """Each once, in the form in which the assistant says it, and where nobody on the way can change it."""
    if not all(one.url.startswith("https://") for one in recorded):
        raise ValueError("a recording's url must begin with https://")
    said = [one.model_copy(update={"says": speakable(one.says)}) for one in recorded]
    if not all(one.says for one in said):
        raise ValueError("a recorded sentence needs words")
    if len({one.says for one in said}) != len(said):
        raise ValueError("must not name a sentence twice")
    return said


def _languages_of(voices: list[str]) -> set[str]:
    """The languages of voices whose names say so."""
    return {named["language"] for voice in voices if (named := _DEEPGRAM.match(voice))}


Number = Annotated[str, Field(max_length=40), AfterValidator(_number)]
Name = Annotated[Named, Field(min_length=1, max_length=200)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$", description="BCP 47, such as en or en-GB")]
Voice = Annotated[
    str,
    Field(
        pattern=VOICE,
        description="such as aura-2-thalia-en, flux-haley-en, elevenlabs:<voice id> or openai:marin",
    ),
]
OtherVoices = Annotated[
    list[Voice],
    Field(max_length=MOST_OTHER_VOICES, description="who speaks when `voice` cannot, in this order"),
    AfterValidator(_each_once),
]
Greeting = Annotated[Named, Field(min_length=1, max_length=LONGEST_GREETING), AfterValidator(no_secret)]
Instructions = Annotated[PlainText, Field(max_length=LONGEST_INSTRUCTIONS), AfterValidator(no_secret)]
Tone = Annotated[Named, Field(min_length=1, max_length=200), AfterValidator(no_secret)]
CollectionId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$")]
Tools = Annotated[list[Tool], Field(max_length=len(TOOLS)), AfterValidator(_each_once)]
Numbers = Annotated[list[Number], Field(max_length=MOST_NUMBERS), AfterValidator(_each_once)]
Offers = Annotated[list[WhenFull], Field(max_length=len(WhenFull)), AfterValidator(_each_once)]
Languages = Annotated[list[FurtherLanguage], Field(max_length=MOST_LANGUAGES), AfterValidator(_with_sentences)]
Recorded = Annotated[list[RecordedSentence], Field(max_length=MOST_RECORDED), AfterValidator(_as_it_is_said)]
TransferDigits = Annotated[
    str,
    Field(
        pattern=r"^[0-9*#wW]{1,32}$",
        description="keys pressed when they pick up, such as an extension; w waits half a second, W a whole one",
    ),
]
TransferNumber = Annotated[Number, AfterValidator(_not_premium)]

AGENT_EXAMPLE: dict[str, Any] = {
    "name": "Support line",
    "company": "Fernway Internet",
    "language": "en",
    "voice": "aura-2-thalia-en",
    "other_voices": ["flux-haley-en"],
    "voice_preference": "quality",
    "greeting": "Welcome to Fernway Internet.",
    "opening": "greet",
    "instructions": "Never promise a refund; say that a colleague decides.",
    "tone": "friendly, brief",
    "knowledge_collection": "default",
    "tools": ["search_knowledge", "open_ticket", "end_call"],
    "ticket_policy": "every_conversation",
    "repeat_policy": "join_open_ticket",
    "email_policy": "always",
    "hearing": HearingOptions(model="flux-general-en").model_dump(mode="json"),
    "languages": [FurtherLanguage(code="de-DE", voice="aura-2-julius-de").model_dump(mode="json")],
    "recorded": [{"says": "Welcome to Fernway Internet.", "url": "https://cdn.example.com/welcome.mp3"}],
    "transport": "conversation_relay",
    "relay": RelayOptions(
        voice="NYC9WEgkq1u4jiqBseQ9", elevenlabs=ElevenLabsVoice(), hints=("Fernway", "fibre")
    ).model_dump(mode="json"),
    "transfer_number": "+18005550199",
    "transfer_digits": "ww204",
    "transfer_mode": "warm",
    "on_machine": "hang_up",
    "takes_messages": True,
    "when_full": ["wait", "call_back"],
    "records_calls": False,
    "numbers": ["+18005550101"],
    "is_active": True,
}


class NewAgent(Strict):
    """An agent to create."""

    model_config = ConfigDict(json_schema_extra={"examples": [AGENT_EXAMPLE]})

    name: Name
    company: Name
    language: Language = "en"
    voice: Voice = "aura-2-thalia-en"
    other_voices: OtherVoices = Field(default_factory=list)
    voice_preference: VoicePreference = VoicePreference.QUALITY
    greeting: Greeting = Field(description="first words; the AI notice and the way to a person are always added")
    opening: Opening = Field(
        default=Opening.GREET,
        description="`wait`: the caller speaks first; only where they were greeted and told that an AI answers before",
    )
    instructions: Instructions = Field(default="", description="what the assistant must keep to; no secrets")
    tone: Tone = "friendly, brief"
    knowledge_collection: CollectionId = "default"
    tools: Tools = Field(default_factory=lambda: list(Tool))
    ticket_policy: TicketPolicy = TicketPolicy.EVERY_CONVERSATION
    repeat_policy: RepeatPolicy = RepeatPolicy.JOIN_OPEN_TICKET
    email_policy: EmailPolicy = EmailPolicy.ALWAYS
    hearing: HearingOptions = Field(default=HearingOptions(), description="who hears, where not as the settings say")
    languages: Languages = Field(
        default_factory=list, description="further languages a caller may ask for, each with its voice"
    )
    recorded: Recorded = Field(default_factory=list, description="sentences that a person has recorded")
    transport: Transport = Field(default=Transport.MEDIA_STREAMS, description="who hears and speaks: we, or Twilio")
    relay: RelayOptions = Field(default=RelayOptions(), description="what Twilio is told when it hears and speaks")
    transfer_number: TransferNumber | None = Field(default=None, description="a person's number")
    transfer_digits: TransferDigits | None = None
    transfer_mode: TransferMode = Field(
        default=TransferMode.COLD, description="warm: the person hears what it is about and presses 1 to take the call"
    )
    on_machine: OnMachine = Field(
        default=OnMachine.HANG_UP, description="what calls that we place do when an answering machine picks up"
    )
    takes_messages: bool = Field(
        default=False, description="whether a caller whom nobody can talk to may leave a message"
    )
    when_full: Offers = Field(
        default_factory=lambda: [WhenFull.WAIT, WhenFull.CALL_BACK],
        description="what callers are offered while nothing can take their call; with nothing left, a call back",
    )
    records_calls: bool = Field(
        default=False, description="record calls; each caller is told before the recording begins"
    )
    numbers: Numbers = Field(default_factory=list, description="numbers this agent answers; each has one agent")
    is_active: bool = Field(default=True, description="false: callers of its numbers hear that they are not in service")


class AgentChange(Strict):
    """What to change about an agent; what is not named stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"tone": "calm, brief", "transfer_number": None}]})

    name: Name | MISSING = MISSING
    company: Name | MISSING = MISSING
    language: Language | MISSING = MISSING
    voice: Voice | MISSING = MISSING
    other_voices: OtherVoices | MISSING = MISSING
    voice_preference: VoicePreference | MISSING = MISSING
    greeting: Greeting | MISSING = MISSING
    opening: Opening | MISSING = MISSING
    instructions: Instructions | MISSING = MISSING
    tone: Tone | MISSING = MISSING
    knowledge_collection: CollectionId | MISSING = MISSING
    tools: Tools | MISSING = MISSING
    ticket_policy: TicketPolicy | MISSING = MISSING
    repeat_policy: RepeatPolicy | MISSING = MISSING
    email_policy: EmailPolicy | MISSING = MISSING
    hearing: HearingOptions | MISSING = Field(
        default=MISSING, description="all of it; what is left out has its default"
    )
    languages: Languages | MISSING = Field(default=MISSING, description="all of them; those left out are not spoken")
    recorded: Recorded | MISSING = Field(default=MISSING, description="all of them; those left out are spoken again")
    transport: Transport | MISSING = MISSING
    relay: RelayOptions | MISSING = Field(default=MISSING, description="all of it; what is left out has its default")
    transfer_number: TransferNumber | MISSING | None = Field(
        default=MISSING, description="null: nobody to put through to"
    )
    transfer_digits: TransferDigits | MISSING | None = MISSING
    transfer_mode: TransferMode | MISSING = MISSING
    on_machine: OnMachine | MISSING = MISSING
    takes_messages: bool | MISSING = MISSING
    when_full: Offers | MISSING = MISSING
    records_calls: bool | MISSING = MISSING
    numbers: Numbers | MISSING = Field(default=MISSING, description="all numbers; those left out are free again")
    is_active: bool | MISSING = MISSING

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name at least one field to change")
        return self


def check_together(
    language: str, voices: list[str], transfer_number: str | None, numbers: set[str], further: Sequence[str] = ()
) -> None:
    """The rules between fields; `further` are the codes of further languages. Raises Invalid."""
    if _languages_of(voices) - {primary(language)}:
        raise Invalid("a voice speaks another language than the agent: choose one that ends with the same language")
    if primary(language) in map(primary, further):
        raise Invalid("a further language is the agent's own: name others only")
    if transfer_number in numbers:
        raise Invalid("the transfer number must be a person's, not one that the agent answers itself")
