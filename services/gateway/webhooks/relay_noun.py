"""The noun `<ConversationRelay>`: how Twilio is to hear and speak for an agent.

The SDK writes any attribute it is given, also one that Twilio does not know and drops; the names here are Twilio's own.
Nothing a caller said or typed ever enters it.
"""

from __future__ import annotations

from dataclasses import dataclass

from twilio.twiml.voice_response import Connect

from shared.contracts.relay import RelayLanguage, RelayOptions
from shared.security.xml_text import clean_xml_text

EVENTS = "speaker-events tokens-played"
"""What tells us how much of our speech was heard."""
GREETED = "greeted"
"""The `<Parameter>` that tells the voice process that Twilio speaks the greeting by itself."""


@dataclass(frozen=True, slots=True)
class Relay:
    """What one session is told."""

    options: RelayOptions
    language: str
    """BCP 47 with its region."""
    greeting: str | None
    """Spoken by Twilio at once; None when the assistant itself speaks first."""
    hears_all: bool = False
    """Twilio tells with each prompt which language it heard, in place of expecting one."""


def add_relay(connect: Connect, url: str, relay: Relay, token: str) -> None:
    """Write the noun into `<Connect>`."""
    noun = connect.conversation_relay(url=url, **_attributes(relay))
    for language in relay.options.languages:
        noun.language(**_language(language))
    noun.parameter(name="token", value=token)
    if relay.greeting is not None:
        noun.parameter(name=GREETED, value="yes")


def _attributes(relay: Relay) -> dict[str, object]:
    """All attributes; None is left out by the SDK."""
    options = relay.options
    greeting = None if relay.greeting is None else clean_xml_text(relay.greeting)
    return {
        "language": clean_xml_text(relay.language),
        "transcription_language": "multi" if relay.hears_all else None,
        "tts_provider": options.tts_provider,
        "voice": _voice(options),
        "transcription_provider": options.transcription_provider,
        "speech_model": options.speech_model,
        "eotThreshold": options.eot_threshold,
        "eager_eot_threshold": options.eager_eot_threshold,
        "partial_prompts": options.partial_prompts,
        "partial_prompt_on_hangup": True,
        "speechTimeout": options.speech_timeout_ms or "auto",
        "turn_detection": True if options.turn_detection else None,
        "hints": _hints(options.hints),
        "profanity_filter": options.profanity_filter,
        "asr_smart_format": options.smart_format,
        "tts_text_normalization": options.text_normalization,
        "backgroundNoiseReduction": options.background_noise_reduction,
        "echo_prompt_filtering": options.echo_prompt_filtering,
        "interruptible": options.interruptible,
        "interrupt_sensitivity": options.interrupt_sensitivity,
        "ignoreBackchannel": options.ignore_backchannel,
        "report_input_during_agent_speech": options.report_input_during_speech,
        "dtmf_detection": options.dtmf_detection,
        "welcome_greeting": greeting,
        "welcome_greeting_interruptible": None if greeting is None else options.interruptible,
        "events": EVENTS,
    }


def _language(language: RelayLanguage) -> dict[str, object]:
    return {
        "code": language.code,
        "tts_provider": language.tts_provider,
        "voice": language.voice,
        "transcription_provider": language.transcription_provider,
        "speech_model": language.speech_model,
        "hints": _hints(language.hints),
    }


def _voice(options: RelayOptions) -> str | None:
    """ElevenLabs' settings are part of the voice's name: `<id>-<model>-<speed>_<stability>_<similarity>`."""
    tuning = options.elevenlabs
    if options.voice is None or tuning is None:
        return options.voice
    return f"{options.voice}-{tuning.model}-{tuning.speed}_{tuning.stability}_{tuning.similarity}"


def _hints(hints: tuple[str, ...]) -> str | None:
    return clean_xml_text(",".join(hints), limit=20_000) or None
