"""What speech gives to a call: sentences in, μ-law audio out, from whoever speaks them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from shared.errors import Transient


class SpeechUnavailable(Transient):
    """No sound could be had in time, or it broke off."""


class SpeechRefused(SpeechUnavailable):
    """The provider will refuse this again: a wrong key, no credit, an unknown voice."""


@dataclass(frozen=True, slots=True)
class SpeakerTraits:
    """What a provider can do; callers ask this record and never the class."""

    native_mulaw: bool
    """Gives 8000 Hz μ-law itself, so that nothing is converted."""
    word_timing: bool
    """Reports when each word is spoken."""
    first_sound_s: float
    """From a sentence to its first sound as the vendor documents it; measured figures take its place."""


class Voiced(Protocol):
    """One sentence on its way to becoming sound."""

    sent_at: float
    """When its text left for the provider, on the call's monotonic clock."""
    sounded_at: float | None
    """When its first audible sample came back."""

    @property
    def total(self) -> int | None:
        """Bytes of all its audio, once that is known."""
        ...

    async def read(self, most: int) -> bytes:
        """The next audio, 1 to `most` bytes of μ-law at 8000 Hz; empty at the end. Raises SpeechUnavailable."""
        ...

    def characters_within(self, count: int) -> int | None:
        """Characters of the text that its first `count` bytes speak; None where the voice reports no times."""
        ...


class Speaker(Protocol):
    """Speaks with one voice for one call."""

    name: str
    """The voice as an agent's profile names it."""
    traits: SpeakerTraits

    def prepare(self) -> None:
        """Speech will be needed soon: have a connection ready. Never waits."""
        ...

    async def begin(self, text: str) -> Voiced:
        """Start speaking a sentence, behind those begun before. Raises SpeechUnavailable."""
        ...

    async def stop(self) -> None:
        """Drop everything begun and not read."""
        ...

    async def close(self) -> None:
        """The call is over."""
        ...
