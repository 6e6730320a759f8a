"""TwiML documents: pure builders on Twilio's SDK.

Every string that does not come from our own configuration passes `clean_xml_text`: the SDK lets control characters
through, the document would not parse, and the call would die. Nothing here depends on the time of day, so that the
same call state always gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from twilio.twiml.voice_response import Connect, Dial, Gather, Start, VoiceResponse

from services.gateway.webhooks.phrases import Phrases
from services.gateway.webhooks.relay_noun import Relay, add_relay
from shared.security.xml_text import clean_xml_text

OUTBOUND = "outbound"
"""The name in our addresses under which Twilio brings back which order a call belongs to."""
RING_S = 25
"""How long a person's telephone rings."""
LONGEST_MESSAGE_S = 120
MESSAGE_SILENCE_S = 5
"""Silence that ends a message."""
PRESS_WITHIN_S = 6
"""How long a person has to press a key, each time they are asked."""
HOLD_S = 6
"""Silence between two sentences to a caller who waits."""
MOMENT_S = 2
"""Before a call that was cut off is connected once more."""
RECORDING_EVENTS = "completed absent"
"""In TwiML a list is a string with spaces between."""


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

    @property
    def relay(self) -> str:
        """The relay session's socket."""
        return f"{self.media}/twilio/relay"

    @property
    def voice(self) -> str:
        """Asked when a call comes in."""
        return f"{self.public}/twilio/voice"

    def after_stream(self, generation: int) -> str:
        """Asked when the stream of this generation has ended; the number tells a repeat from news."""
        return f"{self.public}/twilio/voice/after?generation={generation:d}"

    @property
    def after_dial(self) -> str:
        """Asked when a person was rung."""
        return f"{self.public}/twilio/voice/after/dial"

    @property
    def after_message(self) -> str:
        """Asked when a caller has left a message."""
        return f"{self.public}/twilio/voice/after/message"

    @property
    def recording(self) -> str:
        """Told of every recording."""
        return f"{self.public}/twilio/recording"

    def transfer(self, call_sid: str) -> str:
        """What the person hears who is rung for this call."""
        return f"{self.public}/twilio/voice/transfer?call={call_sid}"

    def transfer_notice(self, call_sid: str) -> str:
        """What the person hears who is put through to this call without a briefing, when it is recorded."""
        return f"{self.public}/twilio/voice/transfer/notice?call={call_sid}"

    def transfer_answer(self, call_sid: str) -> str:
        """Told which key they pressed."""
        return f"{self.public}/twilio/voice/transfer/answer?call={call_sid}"

    def after_round(self, number: int) -> str:
        """Asked when a caller who waits has heard document number `number`."""
        return f"{self.public}/twilio/voice/wait?over={number:d}"

    def plain(self, turn: int) -> str:
        """Asked for reply number `turn` of a line that no voice process leads."""
        return f"{self.public}/twilio/voice/plain?turn={turn:d}"

    @property
    def put_through(self) -> str:
        """Asked by a call that an operator puts through."""
        return f"{self.public}/twilio/voice/put-through"

    def outbound_voice(self, outbound_id: UUID) -> str:
        """Asked when somebody picks up a call of ours."""
        return f"{self.public}/twilio/voice?{OUTBOUND}={outbound_id}"

    def outbound_fallback(self, outbound_id: UUID) -> str:
        """Asked when one of our answers to such a call did not reach Twilio."""
        return f"{self.public}/twilio/voice/fallback?{OUTBOUND}={outbound_id}"

    def outbound_status(self, outbound_id: UUID) -> str:
        """Told how such a call stands."""
        return f"{self.public}/twilio/status?{OUTBOUND}={outbound_id}"

    def machine(self, outbound_id: UUID) -> str:
        """Told who picked up."""
        return f"{self.public}/twilio/voice/machine?{OUTBOUND}={outbound_id}"

    def machine_message(self, outbound_id: UUID) -> str:
        """Asked by a call that an answering machine has picked up."""
        return f"{self.public}/twilio/voice/machine/message?{OUTBOUND}={outbound_id}"


def connect(
    addresses: Addresses, generation: int, token: str, announced: Phrases | None = None, relay: Relay | None = None
) -> str:
    """Connect the line to a voice process: by a media stream, or by a relay session told this.

    It is recorded from here on when that is `announced` in these phrases.

    The `<Redirect>` is reached when the voice process dies without `action` being asked; without both, the call would
    end there.
    """
    after = addresses.after_stream(generation)
    response = VoiceResponse()
    if announced is not None:
        say(response, announced, [announced.recorded])
        recording = Start()
        recording.recording(
            channels="dual", track="both", trim="do-not-trim",
            recording_status_callback=addresses.recording, recording_status_callback_event=RECORDING_EVENTS,
        )  # fmt: skip
        response.append(recording)
    connection = Connect(action=after, method="POST")
    if relay is None:
        connection.stream(url=addresses.stream).parameter(name="token", value=token)
    else:
        add_relay(connection, addresses.relay, relay, token)
    response.append(connection)
    response.redirect(after, method="POST")
    return str(response)


def put_through(
    addresses: Addresses,
    phrases: Phrases,
    sentences: list[str],
    number: str,
    shown: str | None,
    *,
    told_at: str | None = None,
    digits: str | None = None,
) -> str:
    """Say the sentences and ring `number`; `shown` is the number it sees, the caller's own when None.

    `told_at` is the address of what the person hears before they are put through, `digits` are pressed when they pick
    up. With `action` nothing behind `<Dial>` is ever reached.
    """
    response = VoiceResponse()
    say(response, phrases, sentences)
    is_plain = told_at is None and digits is None
    dial = Dial(
        clean_xml_text(number) if is_plain else None,
        action=addresses.after_dial, method="POST", timeout=RING_S, answer_on_bridge=True,
        caller_id=None if shown is None else clean_xml_text(shown),
    )  # fmt: skip
    if not is_plain:
        first = {} if told_at is None else {"url": told_at, "method": "POST"}
        dial.number(clean_xml_text(number), send_digits=digits, **first)
    response.append(dial)
    return str(response)


def brief(addresses: Addresses, phrases: Phrases, briefing: str, call_sid: str) -> str:
    """Tell the person who was rung what it is about, and ask whether they take the call.

    At the end of the document Twilio would put the caller through: whoever presses nothing is a machine, so it ends
    with a hang-up.
    """
    response = VoiceResponse()
    for sentences in ([briefing, phrases.press_to_take], [phrases.press_to_take]):
        gather = Gather(num_digits=1, timeout=PRESS_WITHIN_S, action=addresses.transfer_answer(call_sid), method="POST")
        say(gather, phrases, sentences)
        response.append(gather)
    response.hangup()
    return str(response)


def notice(phrases: Phrases) -> str:
    """Tell the person who picked up that the call is recorded; at the end of the document they are put through."""
    response = VoiceResponse()
    say(response, phrases, [phrases.recorded])
    return str(response)


def bridge() -> str:
    """Put the two through: the document of the person who was rung is over."""
    return str(VoiceResponse())


def wait(
    addresses: Addresses,
    phrases: Phrases,
    number: int,
    sentences: list[str],
    hold_s: int = HOLD_S,
    *,
    takes_keys: bool = False,
) -> str:
    """Say the sentences and hold the line for a moment, then ask again; a key is told at once."""
    response = VoiceResponse()
    over = addresses.after_round(number)
    if takes_keys:
        gather = Gather(num_digits=1, timeout=hold_s, action=over, method="POST", finish_on_key="")
        say(gather, phrases, sentences)
        response.append(gather)
    else:
        say(response, phrases, sentences)
        response.pause(length=hold_s)
    response.redirect(over, method="POST")
    return str(response)


def talk_plainly(addresses: Addresses) -> str:
    """Go over to the plain line, which knows by itself how far it has come."""
    response = VoiceResponse()
    response.redirect(addresses.plain(1), method="POST")
    return str(response)


def take_message(addresses: Addresses, phrases: Phrases, sentences: list[str], farewell: list[str]) -> str:
    """Say the sentences and record what the caller leaves; say `farewell` when it is only silence.

    Without an `action`, `<Record>` would ask for this same document again, for ever.
    """
    response = VoiceResponse()
    say(response, phrases, [*sentences, phrases.leave_message])
    response.record(
        action=addresses.after_message, method="POST", max_length=LONGEST_MESSAGE_S, timeout=MESSAGE_SILENCE_S,
        finish_on_key="#", play_beep=True, trim="trim-silence",
        recording_status_callback=addresses.recording, recording_status_callback_event=RECORDING_EVENTS,
    )  # fmt: skip
    say(response, phrases, farewell)
    response.hangup()
    return str(response)


def hang_up(phrases: Phrases, sentences: list[str]) -> str:
    """Say the sentences, then end the call."""
    response = VoiceResponse()
    say(response, phrases, sentences)
    response.hangup()
    return str(response)


def say(response: VoiceResponse | Gather, phrases: Phrases, sentences: list[str]) -> None:
    """One `<Say>` for all sentences; none for nothing, because an empty one is an error (13520)."""
    text = clean_xml_text(" ".join(sentences)).strip()
    if text:
        response.say(text, voice=phrases.voice, language=phrases.code)
