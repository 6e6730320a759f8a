"""What the stand-in is told and what it remembers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from lab.openai.faults import OpenAIFaults
from shared.clock import Clock, SystemClock

KEPT = 200
"""Requests that `GET /lab/requests` shows."""


@dataclass(frozen=True)
class OpenAISettings:
    """How it behaves when nothing is wrong."""

    first_token_s: float = 0.2
    tokens_per_s: float = 80.0
    reasoning_tokens_per_s: float = 100.0
    """Thinking time before the first token at an effort other than `none`."""
    embedding_s: float = 0.02
    first_sound_s: float = 0.3
    speech_speed: float = 10.0
    """Seconds of sound made in one second."""
    api_key: str | None = None
    """The only key that is taken; None takes any."""
    recordings: Path | None = None
    """A folder of `<name>.sse`: a streamed request to the model `recording/<name>` replays that file."""
    seed: int = 0
    """Of the chances of faults."""


@dataclass(frozen=True)
class Asked:
    """A request that arrived, and how it was answered."""

    path: str
    status: int
    body: JsonValue


class StandIn:
    """One stand-in for OpenAI."""

    def __init__(self, settings: OpenAISettings | None = None, clock: Clock | None = None) -> None:
        self.settings = settings or OpenAISettings()
        self.clock: Clock = clock or SystemClock()
        self.faults = OpenAIFaults(seed=self.settings.seed)
        self.asked: deque[Asked] = deque(maxlen=KEPT)
        """The newest requests, oldest first: what a model was told can be looked at."""
