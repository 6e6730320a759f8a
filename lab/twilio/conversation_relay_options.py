"""What `<ConversationRelay>` was told, with Twilio's defaults and ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from lab.twilio.platform_socket import StreamFailed
from lab.twilio.twiml import Verb

INVALID = 64101
INPUTS = ("none", "dtmf", "speech", "any")
AUTO_TIMEOUT_S = 0.5
"""Silence that ends a turn when `speechTimeout` is `auto`."""
SENSITIVITY = {"low": 8, "medium": 4, "high": 2}
"""Characters of a caller's speech that interrupt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayOptions:
    """One session's."""

    welcome: str
    welcome_interruptible: str
    language: str
    hearing_language: str
    speech_timeout_s: float
    partial_prompts: bool
    partial_on_hangup: bool
    interruptible: str
    interrupts_after: int
    ignores_backchannel: bool
    reports_during_speech: str
    takes_keys: bool
    events: frozenset[str]

    @classmethod
    def of(cls, noun: Verb) -> Self:
        """Read from the noun. Raises StreamFailed (64101) for what Twilio refuses."""
        given = noun.attributes
        language = given.get("language", "en-US")
        if given.get("partialPrompts") == "true" and not given.get("speechModel", "").startswith("flux"):
            raise StreamFailed(INVALID, "partialPrompts needs the speech model flux")
        return cls(
            welcome=given.get("welcomeGreeting", ""),
            welcome_interruptible=_input(noun, "welcomeGreetingInterruptible", "any"),
            language=given.get("ttsLanguage", language),
            hearing_language=given.get("transcriptionLanguage", language),
            speech_timeout_s=_timeout(given.get("speechTimeout", "auto")),
            partial_prompts=given.get("partialPrompts") == "true",
            partial_on_hangup=given.get("partialPromptOnHangup") == "true",
            interruptible=_input(noun, "interruptible", "any"),
            interrupts_after=SENSITIVITY.get(given.get("interruptSensitivity", "high"), 2),
            ignores_backchannel=given.get("ignoreBackchannel") == "true",
            reports_during_speech=_input(noun, "reportInputDuringAgentSpeech", "none"),
            takes_keys=given.get("dtmfDetection") == "true",
            events=frozenset(given.get("events", "").split()),
        )


def _input(noun: Verb, name: str, default: str) -> str:
    value = noun.attributes.get(name, default)
    value = {"true": "any", "false": "none"}.get(value, value)
    if value not in INPUTS:
        raise StreamFailed(INVALID, f"{name} must be one of {', '.join(INPUTS)}")
    return value


def _timeout(value: str) -> float:
    if value == "auto":
        return AUTO_TIMEOUT_S
    if not value.isdigit() or not 600 <= int(value) <= 5000:
        raise StreamFailed(INVALID, "speechTimeout must be auto or 600 to 5000 ms")
    return int(value) / 1000
