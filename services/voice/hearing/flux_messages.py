"""What Deepgram's `/v2/listen` (Flux) sends, typed; only the fields we use are decoded."""

from __future__ import annotations

from enum import StrEnum

from services.voice.hearing.messages import Message, MessageReader


class Event(StrEnum):
    """What happened to a turn; an event that is newer than this list changes nothing but the words."""

    START = "StartOfTurn"
    EAGER_END = "EagerEndOfTurn"
    RESUMED = "TurnResumed"
    END = "EndOfTurn"


class Connected(Message, tag="Connected", gc=False):
    """The first message: audio is welcome from here on."""


class TurnInfo(Message, tag="TurnInfo", gc=False):
    """The turn as it stands; comes about four times a second of audio, whether anybody speaks or not."""

    event: str
    audio_window_end: float = 0.0
    """Seconds since the socket's first audio up to which the words are known."""
    transcript: str = ""
    """All of the turn so far."""


class FatalError(Message, tag="Error", gc=False):
    """The stream is over."""

    code: str = ""


class StreamWarning(Message, tag="Warning", gc=False):
    """Something about our stream is not as it should be."""

    code: str = ""


FluxMessage = Connected | TurnInfo | FatalError | StreamWarning

read_message = MessageReader[FluxMessage](FluxMessage)
