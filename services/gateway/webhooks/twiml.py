"""TwiML documents: pure builders on Twilio's SDK.

Every string that does not come from our own configuration passes `clean_xml_text`: the SDK lets control characters
through, the document would not parse, and the call would die. Nothing here depends on the time of day, so that the
same call state always gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from twilio.twiml.voice_response import Connect, VoiceResponse

from services.gateway.webhooks.phrases import Phrases
from shared.security.xml_text import clean_xml_text

RING_S = 25
"""How long a person's telephone rings."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where Twilio finds us, from the settings; never from a request."""

    public: str
    """https:// base of the webhooks."""
    media: str
    """wss:// base of the voice tier."""

    @property
    def stream(self) -> str:
        """The media stream's socket. It must not carry a query: Twilio drops it."""
        return f"{self.media}/twilio/media"

    def after_stream(self, generation: int) -> str:
        """Asked when the stream of this generation has ended; the number tells a repeat from news."""
        return f"{self.public}/twilio/voice/after?generation={generation:d}"

    @property
    def after_dial(self) -> str:
        """Asked when a person was rung."""
        return f"{self.public}/twilio/voice/after/dial"


def connect(addresses: Addresses, generation: int, token: str) -> str:
    """Connect the line to a voice process.

    The `<Redirect>` is reached when the voice process dies without `action` being asked; without both, the call would
    end there.
    """
    after = addresses.after_stream(generation)
    response = VoiceResponse()
    stream = Connect(action=after, method="POST")
    stream.stream(url=addresses.stream).parameter(name="token", value=token)
    response.append(stream)
    response.redirect(after, method="POST")
    return str(response)


def put_through(addresses: Addresses, phrases: Phrases, sentences: list[str], number: str, shown: str | None) -> str:
    """Say the sentences and ring `number`; `shown` is the number it sees, the caller's own when None.

    With `action` nothing behind `<Dial>` is ever reached.
    """
    response = VoiceResponse()
    _say(response, phrases, sentences)
    response.dial(
        clean_xml_text(number), action=addresses.after_dial, method="POST", timeout=RING_S, answer_on_bridge=True,
        caller_id=None if shown is None else clean_xml_text(shown),
    )  # fmt: skip
    return str(response)


def hang_up(phrases: Phrases, sentences: list[str]) -> str:
    """Say the sentences, then end the call."""
    response = VoiceResponse()
    _say(response, phrases, sentences)
    response.hangup()
    return str(response)


def _say(response: VoiceResponse, phrases: Phrases, sentences: list[str]) -> None:
    """One `<Say>` for all sentences; none for nothing, because an empty one is an error (13520)."""
    text = clean_xml_text(" ".join(sentences)).strip()
    if text:
        response.say(text, language=phrases.code)
