"""The JSON messages of relay sessions: those Twilio sends, and those it takes, which must be exact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec


class _Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", rename="camel", kw_only=True):
    """Base of all messages of the platform."""


class Text(_Message, frozen=True, tag="text"):
    """Something to say, with its own blanks; `last` ends the talk cycle."""

    token: str
    last: bool = False
    lang: str | None = None
    interruptible: bool | None = None
    preemptible: bool = False


class Play(_Message, frozen=True, tag="play"):
    """A sound to play."""

    source: str
    loop: Annotated[int, msgspec.Meta(ge=0)] = 1
    interruptible: bool | None = None
    preemptible: bool = False


class SendDigits(_Message, frozen=True, tag="sendDigits"):
    """Keys to press."""

    digits: Annotated[str, msgspec.Meta(pattern=r"^[0-9w#*]+$")]


class Language(_Message, frozen=True, tag="language"):
    """Other languages from the next turn on."""

    tts_language: str | None = None
    transcription_language: str | None = None


class End(_Message, frozen=True, tag="end"):
    """End the session."""

    handoff_data: str | None = None


FromPlatform = Text | Play | SendDigits | Language | End
_DECODER: msgspec.json.Decoder[FromPlatform] = msgspec.json.Decoder(FromPlatform)


class BadMessage(Exception):
    """Not JSON, an unknown type, a field too many or too few, a value of the wrong form: Twilio reports 64107."""


def read(text: str | bytes) -> FromPlatform:
    """One message of the platform. Raises BadMessage."""
    if isinstance(text, bytes):
        raise BadMessage("binary message")
    try:
        return _DECODER.decode(text)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BadMessage(str(error)) from error


def setup(
    session_id: str, account_sid: str, call_sid: str, caller: str, called: str, parameters: Mapping[str, str]
) -> str:
    """The first message."""
    return _json(
        type="setup", sessionId=session_id, accountSid=account_sid, parentCallSid="", callSid=call_sid,
        **{"from": caller, "to": called}, forwardedFrom="", callType="PSTN", callerName="", direction="inbound",
        callStatus="RINGING", customParameters=dict(parameters),
    )  # fmt: skip


def prompt(words: str, language: str, *, last: bool) -> str:
    """What the caller said."""
    return _json(type="prompt", voicePrompt=words, lang=language, last=last)


def interrupt(spoken: str | None, milliseconds: int) -> str:
    """The caller broke in."""
    known = {} if spoken is None else {"utteranceUntilInterrupt": spoken}
    return _json(type="interrupt", **known, durationUntilInterruptMs=milliseconds)


def dtmf(key: str) -> str:
    """The caller pressed a key."""
    return _json(type="dtmf", digit=key)


def error(description: str) -> str:
    """Something went wrong."""
    return _json(type="error", description=description)


def info(name: str, value: str) -> str:
    """Something the platform wanted to be told."""
    return _json(type="info", name=name, value=value)


def _json(**fields: Any) -> str:
    return msgspec.json.encode(fields).decode()
