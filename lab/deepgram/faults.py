"""What can go wrong on purpose, changeable while the stand-in runs."""

from __future__ import annotations

import msgspec


class _Limited(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    sockets: int | None = None
    """How many of the next sockets or requests this happens to; all of them when not given."""
    refuse: int | None = None
    """Answer the handshake or request with this HTTP status (400, 401, 402, 403, 429, 500, 503)."""
    hangs_before_answer: bool = False
    """Take the connection and never answer the handshake or request."""


class ListenFaults(_Limited, frozen=True, kw_only=True):
    """Of `/v1/listen` and `/v2/listen`."""

    hears_nothing: bool = False
    """Take audio and stay silent for ever."""
    delay_s: float = 0.0
    """Added to each result."""
    cut_after_characters: int | None = None
    """Once so many characters were heard, cut the connection without a close frame."""
    close_after_characters: int | None = None
    """The same, but close 1011 with NET-0000."""
    stalls_after_characters: int | None = None
    """Once so many characters were heard, stay silent for ever and keep the connection."""
    hears: str | None = None
    """Transcribe every utterance as this, whatever was said: a transcript in no language, or a mishearing."""
    never_speech_final: bool = False
    """Noise that keeps the endpointing busy: only UtteranceEnd tells that the caller stopped."""
    sends_garbage: bool = False
    """Send text that is no JSON, a type nobody knows and binary bytes before each result."""
    error: str | None = None
    """Send an Error message with this description at the first audio."""


class SpeakFaults(_Limited, frozen=True, kw_only=True):
    """Of `/v1/speak`."""

    says_nothing: bool = False
    """Take text and stay silent for ever."""
    first_byte_delay_s: float = 0.0
    """Added before the first sound of each answer."""
    cut_after_bytes: int | None = None
    """After so many bytes of sound, cut the connection without a close frame."""
    close_after_bytes: int | None = None
    """The same, but close 1011 with NET-0000."""
    sends_no_sound: bool = False
    """Confirm each Flush without having sent a byte."""
    sends_noise: bool = False
    """Send bytes that are no speech."""
    ragged: bool = False
    """Cut the sound at odd places: messages of 1, 2, 3 … bytes up to hundreds."""
    warning: str | None = None
    """Send a Warning with this code at the first text."""


class Faults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All faults of the stand-in."""

    listen: ListenFaults = ListenFaults()
    speak: SpeakFaults = SpeakFaults()


class FaultBox:
    """The faults in force, and how many sockets they are still for."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.set(faults or Faults())

    @property
    def now(self) -> Faults:
        """What the next sockets get."""
        return Faults(
            listen=self._listen if self._listen_left != 0 else ListenFaults(),
            speak=self._speak if self._speak_left != 0 else SpeakFaults(),
        )

    def set(self, faults: Faults) -> None:
        """Put these in force, instead of all others."""
        self._listen, self._speak = faults.listen, faults.speak
        self._listen_left, self._speak_left = faults.listen.sockets, faults.speak.sockets

    def for_listening(self) -> ListenFaults:
        """The faults of one more listening socket or request."""
        faults = self.now.listen
        if self._listen_left:
            self._listen_left -= 1
        return faults

    def for_speaking(self) -> SpeakFaults:
        """The faults of one more speaking socket or request."""
        faults = self.now.speak
        if self._speak_left:
            self._speak_left -= 1
        return faults
