"""`<Record>`: what the caller leaves after the beep."""

from __future__ import annotations

import asyncio
import math

from lab.speech.mulaw import FRAME_S, RATE, encoded, is_sound

BEEP = bytes(encoded(int(6000 * math.sin(2 * math.pi * 1000 * n / RATE))) for n in range(RATE // 5))
"""0.2 s at 1 kHz."""


class RecordingEar:
    """Keeps the caller's sound until they are silent, press a key or have talked too long."""

    def __init__(self, timeout_s: float, longest_s: float, finish_on: str) -> None:
        self.sound = bytearray()
        self.ended_by: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """The key pressed, or an empty string."""
        self._timeout_s = timeout_s
        self._longest_s = longest_s
        self._finish_on = finish_on
        self._quiet_s = 0.0

    @property
    def seconds(self) -> int:
        """The length as Twilio reports it."""
        return round(len(self.sound) / RATE)

    def hear(self, sound: bytes) -> None:
        """20 ms of the caller."""
        if self.ended_by.done():
            return
        self.sound += sound
        self._quiet_s = 0.0 if is_sound(sound) else self._quiet_s + FRAME_S
        if self._quiet_s >= self._timeout_s or len(self.sound) / RATE >= self._longest_s:
            self.ended_by.set_result("")

    def key(self, key: str) -> None:
        """A key was pressed."""
        if key in self._finish_on and not self.ended_by.done():
            self.ended_by.set_result(key)


class CallTape:
    """`<Start><Recording>`: both sides of the line from the moment it begins, a channel each."""

    channels = 2

    def __init__(self) -> None:
        self._sound = bytearray()

    def hear(self, caller: bytes, other: bytes) -> None:
        """20 ms of both."""
        mixed = bytearray(2 * len(caller))
        mixed[0::2], mixed[1::2] = caller, other.ljust(len(caller), b"\xff")[: len(caller)]
        self._sound += mixed

    @property
    def sound(self) -> bytes:
        """The samples of both channels, in turn."""
        return bytes(self._sound)

    @property
    def seconds(self) -> int:
        """The length as Twilio reports it."""
        return round(len(self._sound) / self.channels / RATE)
