"""What can go wrong on purpose, changeable while the stand-in runs."""

from __future__ import annotations

import msgspec


class Faults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Of sockets and requests alike."""

    sockets: int | None = None
    """How many of the next sockets or requests this happens to; all of them when not given."""
    refuse: str | None = None
    """Answer the handshake or request with this `detail.status`, such as `quota_exceeded`."""
    hangs_before_answer: bool = False
    """Take the connection and never answer the handshake or request."""
    says_nothing: bool = False
    """Take text and stay silent for ever."""
    first_byte_delay_s: float = 0.0
    """Added before the first sound of each text."""
    cut_after_bytes: int | None = None
    """After so many bytes of sound, cut the connection without a close frame."""
    sends_no_sound: bool = False
    """Say `isFinal` without having sent a byte."""
    never_final: bool = False
    """Never say `isFinal`: slots are not given back."""
    sends_garbage: bool = False
    """Send text that is no JSON, and messages of contexts that nobody opened, before each sound."""
    error: str | None = None
    """Answer the first text with an error of this code, and close."""


class FaultBox:
    """The faults in force, and how many connections they are still for."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.set(faults or Faults())

    @property
    def now(self) -> Faults:
        """What the next connection gets."""
        return self._faults if self._left != 0 else Faults()

    def set(self, faults: Faults) -> None:
        """Put these in force, instead of all others."""
        self._faults, self._left = faults, faults.sockets

    def take(self) -> Faults:
        """The faults of one more connection."""
        faults = self.now
        if self._left:
            self._left -= 1
        return faults
