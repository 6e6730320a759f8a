"""What Deepgram's `/v1/listen` sends, typed; only the fields we use are decoded."""

from __future__ import annotations

import msgspec

from services.voice.hearing.messages import Message, MessageReader


class Word(msgspec.Struct, gc=False):
    """One word and when it ended, in seconds since the socket's first audio."""

    end: float = 0.0


class Alternative(msgspec.Struct, gc=False):
    """The likeliest reading."""

    transcript: str = ""
    words: list[Word] = []


class Channel(msgspec.Struct, gc=False):
    """Our one channel."""

    alternatives: list[Alternative] = []


class Results(Message, tag="Results", gc=False):
    """Words for the window from `start` over `duration` seconds."""

    channel: Channel
    start: float = 0.0
    duration: float = 0.0
    is_final: bool = False
    speech_final: bool = False

    @property
    def text(self) -> str:
        """The transcript; empty is normal."""
        return self.channel.alternatives[0].transcript.strip() if self.channel.alternatives else ""

    @property
    def last_word_end(self) -> float:
        """When the last word ended, or the window when there are no words."""
        words = self.channel.alternatives[0].words if self.channel.alternatives else []
        return words[-1].end if words else self.start + self.duration


class VoiceDetected(Message, tag="SpeechStarted", gc=False):
    """The vendor's voice detector heard something."""


class WordGap(Message, tag="UtteranceEnd", gc=False):
    """No word for `utterance_end_ms`."""

    last_word_end: float = 0.0


class SessionMetadata(Message, tag="Metadata", gc=False):
    """Sent at the end, and by some streams at the beginning."""

    request_id: str = ""


class ClientError(Message, tag="Error", gc=False):
    """We sent something it could not read."""

    variant: str = ""


ListenMessage = Results | VoiceDetected | WordGap | SessionMetadata | ClientError

read_message = MessageReader[ListenMessage](ListenMessage)
