"""What hearing gives to a call: words as they become clear, from whoever recognises them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from services.voice.hearing.dialect import Recogniser


@dataclass(frozen=True, slots=True)
class Interim:
    """A guess at what is being said; the next one replaces it."""

    text: str
    spoken_until: float
    """When the last of these words was spoken, on the call's monotonic clock."""
    quiet_s: float = 0.0
    """Seconds without a word that the recogniser has heard behind them; 0 when it does not say."""


@dataclass(frozen=True, slots=True)
class Final:
    """Words that will not change; one sentence may come in several pieces. The text may be empty."""

    text: str
    ends_utterance: bool
    """Whether the recogniser heard the configured silence behind them."""
    spoken_until: float
    """When the last of these words was spoken, on the call's monotonic clock."""
    language: str = ""
    """BCP 47, or its first part, where a recogniser of several languages says which one it heard."""


@dataclass(frozen=True, slots=True)
class UtteranceEnded:
    """No further word for a while, whatever the noise."""

    spoken_until: float
    """When the last word before the gap was spoken."""


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Something that sounds like speech; noise can raise it too."""


@dataclass(frozen=True, slots=True)
class LikelyEnd:
    """The caller has probably finished: `text` is the whole turn if so. An answer may be prepared, and nothing more."""

    text: str
    spoken_until: float
    """When the last of these words was spoken, on the call's monotonic clock."""


@dataclass(frozen=True, slots=True)
class WentOn:
    """The caller had not finished after all: what was prepared since LikelyEnd is void."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Nothing is heard any more and trying again will not help."""

    reason: str


Heard = Interim | Final | UtteranceEnded | SpeechStarted | LikelyEnd | WentOn | Lost


class Words(Protocol):
    """A caller's words, whoever recognises them."""

    def finalize(self) -> None:
        """Ask for finals of everything heard so far. Never waits."""
        ...

    def events(self) -> AsyncGenerator[Heard, None]:
        """What is heard, until the call ends or hearing is Lost, which is the last event."""
        ...

    async def close(self) -> None:
        """End recognition; `events` ends too."""
        ...


class Hearing(Words, Protocol):
    """Streaming recognition of one call's audio."""

    def hear(self, audio: bytes) -> None:
        """Take the next piece of the caller's audio. Never waits."""
        ...

    def hear_with(self, recogniser: Recogniser) -> None:
        """Have another recogniser hear from here on; audio whose words are not settled is heard again. Never waits."""
        ...
