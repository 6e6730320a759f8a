"""Sends audio a little ahead of the caller's ear, marks it, and takes it back.

The lead over real time is bounded: what the caller interrupts was mostly never sent, and a slow line or a long answer
holds back speech instead of filling memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final, Protocol

from services.voice.playout.heard_ledger import HeardLedger, Segment
from services.voice.speech.pace import Pace
from shared.clock import Clock

CHUNK: Final = 1600
"""Bytes of one message at most: 200 ms. Ten times fewer messages than frames, for the same sound."""
LEAD_S: Final = 1.0
"""How far ahead of the ear audio is sent: a hiccup of the network or of this process up to that stays unheard."""
REFILL_S: Final = 0.2
"""How far the lead may fall before more is sent: one chunk, so that a full one goes out each time."""
GRACE_S: Final = 1.0
"""How long after the clock says that everything was played a mark may still come back."""


class Outgoing(Protocol):
    """The side of a media stream that takes audio."""

    def media(self, audio: bytes) -> Awaitable[None]:
        """Send audio to be played."""
        ...

    def mark(self, name: str) -> Awaitable[None]:
        """Send a mark behind it."""
        ...

    def clear(self) -> Awaitable[None]:
        """Drop what was not played."""
        ...


class Sound(Protocol):
    """Audio of one sentence."""

    @property
    def total(self) -> int | None:
        """Bytes of all of it, once that is known."""
        ...

    async def read(self, most: int) -> bytes:
        """The next audio, at most `most` bytes; empty at the end."""
        ...


class Playout:
    """The outgoing audio of one call."""

    def __init__(self, stream: Outgoing, pace: Pace, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._echo = asyncio.Event()
        self.ledger = HeardLedger(pace)

    async def play(self, segment: Segment, sound: Sound) -> None:
        """Send one sentence at the pace it is heard; returns when all of it was sent.

        Raises what reading the sound raises, and SocketClosed.
        """
        while True:
            await self._room()
            audio = await sound.read(CHUNK)
            if not audio:
                break
            if self.ledger.is_cleared(segment.turn):
                return  # taken back while this was on its way: whoever took it back will end us in a moment
            await self._stream.media(audio)
            segment.total = sound.total
            is_first = segment.sent == 0
            self.ledger.sent(segment, len(audio), self._clock.monotonic())
            if is_first:
                self.ledger.marked(segment.begin_mark, segment)
                await self._stream.mark(segment.begin_mark)
        self.ledger.completed(segment)
        self.ledger.marked(segment.end_mark, segment)
        await self._stream.mark(segment.end_mark)

    async def _room(self) -> None:
        """Wait while enough has been sent ahead."""
        ahead = self.ledger.lead(self._clock.monotonic()) - LEAD_S
        if ahead > 0:
            await asyncio.sleep(ahead + REFILL_S)

    def echoed(self, name: str) -> None:
        """A mark came back."""
        if self.ledger.echoed(name, self._clock.monotonic()):
            self._echo.set()

    async def until_played(self, turn: int) -> None:
        """Wait until the far end has played everything of the turn, or must have."""
        while not self.ledger.confirmed(turn):
            left = self.ledger.plays_until + GRACE_S - self._clock.monotonic()
            if left <= 0:
                return
            self._echo.clear()
            try:
                async with asyncio.timeout(left):
                    await self._echo.wait()
            except TimeoutError:
                continue  # the clock may have been moved by a mark meanwhile

    async def clear(self) -> None:
        """Take back what was not heard; the ledger keeps what was."""
        self.ledger.cleared(self._clock.monotonic())
        await self._stream.clear()
