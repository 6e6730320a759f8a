"""ConversationRelay's messages: typed decoding of what Twilio sends, encoding of what we send.

Twilio adds fields and types without notice: unknown fields are skipped, unknown types are told apart from messages that
cannot be read. A prompt says with `last` whether more of it may come; there is no `isFinal` and no `confidence`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec

from services.voice.transport.frames import Malformed


class _Message(msgspec.Struct, tag_field="type", rename="camel"):
    """Base of all messages."""


class Setup(_Message, tag="setup"):
    """The first message: which call this session belongs to, by its own account."""

    call_sid: Annotated[str, msgspec.Meta(min_length=1)]
    account_sid: str = ""
    session_id: str = ""
    custom_parameters: dict[str, str] = {}


class Prompt(_Message, tag="prompt"):
    """What the caller said; with `last` false a guess that the next one replaces."""

    voice_prompt: str
    lang: str | None = None
    last: bool = True


class Interrupt(_Message, tag="interrupt"):
    """The caller broke in and Twilio has fallen silent."""

    utterance_until_interrupt: str | None = None
    """What was spoken by then, as far as Twilio says so."""


class Key(_Message, tag="dtmf"):
    """A key of the telephone."""

    digit: Annotated[str, msgspec.Meta(pattern=r"^[0-9*#A-D]$")]


class Failure(_Message, tag="error"):
    """Something of ours, or of a provider of Twilio's, went wrong; the description may quote what we sent."""

    description: str = ""


class Info(_Message, tag="info"):
    """An event we subscribed to: `agentSpeaking`, `clientSpeaking`, `tokensPlayed`."""

    name: str = ""
    value: Any = None

    @property
    def begins(self) -> bool:
        """Whether speaking began; Twilio's spelling of the values is not documented."""
        return self.value in (True, "on", "start", "true")


FromTwilio = Setup | Prompt | Interrupt | Key | Failure | Info


class _Typed(msgspec.Struct):
    type: str


class UnknownType(Exception):
    """A message of a type we do not know; to be ignored."""


_decode: Callable[[str], FromTwilio] = msgspec.json.Decoder(FromTwilio).decode
_decode_type = msgspec.json.Decoder(_Typed).decode
_KNOWN: Final = frozenset({"setup", "prompt", "interrupt", "dtmf", "error", "info"})
_UNREADABLE = (msgspec.DecodeError, UnicodeEncodeError, RecursionError)


def read_message(text: str) -> FromTwilio:
    """One message from Twilio. Raises Malformed or UnknownType."""
    try:
        return _decode(text)
    except _UNREADABLE as error:
        problem = error
    try:
        name = _decode_type(text).type
    except _UNREADABLE:
        raise Malformed from problem
    if name in _KNOWN:
        raise Malformed from problem
    raise UnknownType


def text(token: str, *, last: bool = False, preemptible: bool = False, interruptible: bool | None = None) -> str:
    """A piece of a talk cycle, spoken as it comes; its own blanks count. `last` ends the cycle.

    `interruptible` None leaves that to what the noun says.
    """
    message: dict[str, Any] = {"type": "text", "token": token, "last": last}
    if preemptible:
        message["preemptible"] = True
    if interruptible is not None:
        message["interruptible"] = interruptible
    return _json(message)


def play(source: str, *, interruptible: bool | None = None) -> str:
    """Play the sound at this address once; what follows waits for its end."""
    message: dict[str, Any] = {"type": "play", "source": source, "loop": 1, "preemptible": False}
    if interruptible is not None:
        message["interruptible"] = interruptible
    return _json(message)


def language(speech: str, hearing: str | None) -> str:
    """Speak and hear another language from the next talk cycle and turn on; `hearing` None leaves hearing as it is."""
    message = {"type": "language", "ttsLanguage": speech}
    return _json(message if hearing is None else {**message, "transcriptionLanguage": hearing})


def end(handoff: str) -> str:
    """End the session; `handoff` comes back with the webhook that follows. The call itself goes on."""
    return _json({"type": "end", "handoffData": handoff})


def _json(message: dict[str, Any]) -> str:
    return msgspec.json.encode(message).decode()
