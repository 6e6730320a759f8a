"""How the stand-in behaves when nothing is wrong."""

from __future__ import annotations

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Times are seconds at speed 1 unless they say otherwise."""

    api_key: str = "lab"
    speed: float = 1.0
    """How much faster than the wall clock calls run; everything the vendor takes time for is shortened by it."""
    result_delay_s: float = 0.05
    """From the audio that decides a result to the result."""
    interim_every_s: float = 0.35
    """Seconds of speech between two guesses."""
    longest_window_s: float = 3.5
    """Seconds of speech after which the words so far become final although the caller speaks on."""
    first_byte_s: float = 0.12
    """From text that can be spoken to its first sound."""
    chunk_s: float = 0.1
    """Seconds of sound in one message."""
    generation_speed: float = 10.0
    """Seconds of sound made in one second."""
    most_listening: int = 100
    most_speaking: int = 100
    """Sockets open at once before a handshake is answered 429. A real plan may allow as few as 50 and 15."""
    idle_limit_s: float = 10.0
    """Wall-clock seconds without audio or KeepAlive after which a listening socket is closed with NET-0001."""
    session_limit_s: float = 3600.0
    """Wall-clock seconds after which a speaking socket is closed with NET-0003."""
    flushes_a_minute: int = 20
    longest_text: int = 2000
    """Characters of one request to speak."""
