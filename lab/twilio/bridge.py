"""Two people put through to each other."""

from __future__ import annotations

import asyncio

from lab.twilio.people import Person
from lab.twilio.playout import Playout


class Bridge:
    """The caller's ear towards the person who was dialled, and that person's voice towards the caller."""

    def __init__(self, callee: Person) -> None:
        self.to_caller = Playout()
        self.hung_up = asyncio.Event()
        """Set when the callee hangs up."""
        self._callee = callee

    def hear(self, sound: bytes) -> None:
        """The callee hears 20 ms of the caller and speaks."""
        act = self._callee.tick(sound)
        self.to_caller.add(act.sound)
        if act.hangs_up:
            self.hung_up.set()

    def key(self, key: str) -> None:
        """Keys are only heard as tones."""
