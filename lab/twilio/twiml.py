"""TwiML documents, read as Twilio reads them: case counts, what is misspelt is left out with a warning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET


class BadTwiml(Exception):
    """A document that does not parse: Twilio reports 12100 and the call dies."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb, or a noun inside one."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    nouns: tuple[Verb, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """What to do, and what was left out (warning 12200)."""

    verbs: tuple[Verb, ...]
    warnings: tuple[str, ...] = ()


_CALLBACKS = {"statusCallback", "statusCallbackMethod", "statusCallbackEvent"}
_RECORDING = {
    "recordingStatusCallback",
    "recordingStatusCallbackMethod",
    "recordingStatusCallbackEvent",
    "recordingTrack",
}
_ATTRIBUTES: dict[str, set[str]] = {
    "Connect": {"action", "method"},
    "Stream": {"url", "name", "track", "statusCallback", "statusCallbackMethod"},
    "ConversationRelay": {
        *{"url", "welcomeGreeting", "welcomeGreetingInterruptible", "language", "ttsLanguage", "transcriptionLanguage"},
        *{"ttsProvider", "voice", "transcriptionProvider", "speechModel", "eotThreshold", "eagerEotThreshold"},
        *{"partialPrompts", "partialPromptOnHangup", "speechTimeout", "turnDetection", "interruptible"},
        *{"interruptSensitivity", "ignoreBackchannel", "reportInputDuringAgentSpeech", "preemptible"},
        *{"dtmfDetection", "hints", "profanityFilter", "events", "debug", "deepgramSmartFormat", "asrSmartFormat"},
        *{"elevenlabsTextNormalization", "ttsTextNormalization", "ttsLanguageTextNormalization"},
        *{"elevenlabsLanguageTextNormalization", "backgroundNoiseReduction", "echoPromptFiltering"},
        *{"includeInPrompt", "applicationReconnect", "intelligenceService", "conversationConfiguration"},
        *{"conversationId", "customerName"},
    },
    "Language": {
        *{"code", "ttsProvider", "voice", "transcriptionProvider", "speechModel", "hints", "asrSmartFormat"},
        *{"ttsTextNormalization", "ttsLanguageTextNormalization"},
    },
    "Parameter": {"name", "value"},
    "Say": {"voice", "language", "loop"},
    "Play": {"loop", "digits"},
    "Pause": {"length"},
    "Gather": {
        *{"action", "method", "input", "timeout", "speechTimeout", "maxSpeechTime", "numDigits", "finishOnKey"},
        *{"language", "hints", "speechModel", "profanityFilter", "actionOnEmptyResult", "enhanced", "bargeIn"},
        *{"partialResultCallback", "partialResultCallbackMethod", "debug"},
    },
    "Dial": {
        *{"action", "method", "timeout", "callerId", "answerOnBridge", "timeLimit", "hangupOnStar", "record", "trim"},
        *{"ringTone", "sequential", "referUrl", "referMethod"},
        *_RECORDING,
    },
    "Number": {"url", "method", "sendDigits", "byoc", "machineDetection", *_CALLBACKS},
    "Record": {
        *{"action", "method", "timeout", "finishOnKey", "maxLength", "playBeep", "trim", "transcribe"},
        *{"transcribeCallback"},
        *_RECORDING,
    },
    "Start": {"action", "method"},
    "Recording": {"name", "channels", "trim", *{name for name in _RECORDING if name != "recordingTrack"}, "track"},
    "Redirect": {"method"},
    "Hangup": set(),
    "Reject": {"reason"},
}
_NOUNS = {
    "Connect": {"Stream", "ConversationRelay"},
    "Start": {"Recording", "Stream", "Siprec", "Transcription"},
    "Stream": {"Parameter"},
    "ConversationRelay": {"Parameter", "Language"},
    "Gather": {"Say", "Play", "Pause"},
    "Dial": {"Number", "Conference", "Client", "Queue", "Sip"},
}
UNPERFORMED = frozenset(
    {"Enqueue", "Leave", "Sms", "Message", "Stop", "Pay", "Prompt", "Refer", "Siprec", "Queue"}
    | {"Conference", "Client", "Sip"}
)
"""What Twilio can do and this stand-in cannot; it says so instead of guessing."""
TWIML_LIMIT = 64 * 1024
"""Bytes of a document Twilio accepts."""


def parse(body: bytes) -> Document:
    """Read a document. Raises BadTwiml."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise BadTwiml("a document type is not allowed")
    if len(body) > TWIML_LIMIT:
        raise BadTwiml(f"larger than {TWIML_LIMIT} bytes")
    try:
        root = ET.fromstring(body)  # noqa: S314  (no document type, a limited size)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise BadTwiml(str(error)) from error
    if root.tag != "Response":
        raise BadTwiml(f"the root is <{root.tag}>, not <Response>")
    warnings: list[str] = []
    nouns = {"Stream", "ConversationRelay", "Language", "Parameter", "Number", "Recording"}
    top = set(_ATTRIBUTES) - nouns | UNPERFORMED
    verbs = tuple(verb for child in root if (verb := _verb(child, top, "Response", warnings)) is not None)
    return Document(verbs, tuple(warnings))


def _verb(element: ET.Element, allowed: set[str], where: str, warnings: list[str]) -> Verb | None:
    name = element.tag
    if name not in allowed:
        warnings.append(f"<{name}> is not known inside <{where}>")
        return None
    known = _ATTRIBUTES.get(name)
    attributes = dict(element.attrib)
    if known is not None:
        for wrong in sorted(set(attributes) - known):
            warnings.append(f"<{name}> has no attribute {wrong}")
            del attributes[wrong]
    nouns = tuple(
        noun for child in element if (noun := _verb(child, _NOUNS.get(name, set()), name, warnings)) is not None
    )
    return Verb(name, attributes, (element.text or "").strip(), nouns)
