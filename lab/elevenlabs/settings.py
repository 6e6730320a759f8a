"""How the stand-in behaves when nothing is wrong."""

from __future__ import annotations

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Times are seconds at speed 1."""

    api_key: str = "lab"
    speed: float = 1.0
    """How much faster than the wall clock calls run."""
    first_byte_s: float = 0.15
    """From text that can be spoken to its first sound."""
    chunk_s: float = 0.2
    """Seconds of sound in one message."""
    generation_speed: float = 10.0
    """Seconds of sound made in one second."""
    most_contexts: int = 5
    """Open at once on one socket; one more closes it."""
    most_requests: int = 20
    """HTTP requests at once before one is answered 429. A plan may allow as few as 4."""

    def scaled(self, seconds: float) -> float:
        """Wall-clock seconds of something that takes `seconds` at speed 1."""
        return seconds / self.speed
