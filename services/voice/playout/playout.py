"""Sends audio a little ahead of the caller's ear, marks it, and takes it back.

The lead over real time is bounded: what the caller interrupts was mostly never sent, and a slow line or a long answer
holds back speech instead of filling memory. Speech can also be paused, and taken up again where its clause began.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Final, Protocol

from services.voice.audio_tail import AudioTail
from services.voice.loudness import SEARCHED, between_words
from services.voice.playout.heard_ledger import HeardLedger, Segment
from services.voice.speech.pace import BYTES_PER_SECOND, Pace
from services.voice.transport.media_socket import SocketClosed
from shared.clock import Clock
from shared.task_group import TaskSet

CHUNK: Final = 1600
"""Bytes of one message at most: 200 ms. Ten times fewer messages than frames, for the same sound."""
LEAD_S: Final = 1.0
"""How far ahead of the ear audio is sent: a hiccup of the network or of this process up to that stays unheard."""
REFILL_S: Final = 0.2
"""How far the lead may fall before more is sent: one chunk, so that a full one goes out each time."""
GRACE_S: Final = 1.0
"""How long after the clock says that everything was played a mark may still come back."""

KEPT: Final = 6 * BYTES_PER_SECOND
"""Bytes kept of what was sent: the lead, and as much before it as may be worth saying again."""
MARGIN: Final = BYTES_PER_SECOND // 10
"""How much later than we believe the far end may be."""


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

    def characters_within(self, count: int) -> int | None:
        """Characters of the text that its first `count` bytes speak; None where the voice reports no times."""
        ...


class Playout:
    """The outgoing audio of one call."""

    def __init__(self, stream: Outgoing, pace: Pace, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._echo = asyncio.Event()
        self._going = asyncio.Event()
        """Cleared while speech is paused."""
        self._going.set()
        self._tail = AudioTail()
        """What was sent last, at the ledger's positions."""
        self._resuming = TaskSet("playout")
        self._takes = 0
        self.ledger = HeardLedger(pace)

    async def play(self, segment: Segment, sound: Sound) -> None:
        """Send one sentence at the pace it is heard; returns when all of it was sent.

        Raises what reading the sound raises, and SocketClosed.
        """
        segment.characters_within = sound.characters_within
        while True:
            await self._room()
            audio = await sound.read(CHUNK)
            if not audio:
                break
            await self._going.wait()
            if self.ledger.is_cleared(segment.turn):
                return  # taken back while this was on its way: whoever took it back will end us in a moment
            segment.total = sound.total
            is_first = segment.sent == 0
            self._tail.append(audio, KEPT)
            self.ledger.sent(segment, len(audio), self._clock.monotonic())
            await self._stream.media(audio)
            if is_first and self._going.is_set():
                self.ledger.marked(segment.begin_mark, segment)
                await self._stream.mark(segment.begin_mark)
        await self._going.wait()
        self.ledger.completed(segment)
        self.ledger.marked(segment.end_mark, segment)
        await self._stream.mark(segment.end_mark)

    async def _room(self) -> None:
        """Wait while enough has been sent ahead."""
        ahead = self.ledger.lead(self._clock.monotonic()) - LEAD_S
        if ahead > 0:
            await asyncio.sleep(ahead + REFILL_S)

    def echoed(self, name: str) -> bool:
        """A mark came back; true when that proves that everything before it was played."""
        is_proof = self.ledger.echoed(name, self._clock.monotonic())
        if is_proof:
            self._echo.set()
        return is_proof

    async def until_played(self, turn: int) -> None:
        """Wait until the far end has played everything of the turn, or must have."""
        while not self.ledger.confirmed(turn):
            await self._going.wait()
            left = self.ledger.plays_until + GRACE_S - self._clock.monotonic()
            if left <= 0:
                return
            self._echo.clear()
            try:
                async with asyncio.timeout(left):
                    await self._echo.wait()
            except TimeoutError:
                continue  # the clock may have been moved by a mark meanwhile

    def has_more(self, now: float) -> bool:
        """Whether enough is left to be heard that pausing would make a difference."""
        return self.ledger.lead(now) > REFILL_S

    @property
    def is_paused(self) -> bool:
        """Whether speech waits for `resume` or `clear`."""
        return not self._going.is_set()

    async def pause(self) -> None:
        """Fall silent, perhaps for a moment only; `resume` or `clear` must follow. Raises SocketClosed."""
        self._takes += 1
        self._going.clear()
        self.ledger.paused(self._clock.monotonic())
        await self._stream.clear()

    def resume(self) -> None:
        """Go on from where the clause began that was cut short. Never waits."""
        if not self._going.is_set():
            self._resuming.start(self._repeat(self._takes), "resume")

    async def _repeat(self, take: int) -> None:
        """Send again what was dropped, unless speech was paused or cleared once more."""
        held_at = self.ledger.held_at
        if held_at is None or take != self._takes:
            return
        position = self._beginning_near(self.ledger.clause_at(max(0, held_at - MARGIN)))
        with suppress(SocketClosed):  # whoever reads the stream will say so
            for again in self.ledger.resumed(position, self._clock.monotonic()):
                _, audio = self._tail.since(again.begins)
                await self._stream.media(audio[: again.ends - again.begins])
                if take != self._takes:
                    return
                if again.mark:
                    await self._stream.mark(again.mark)
        self._going.set()

    def _beginning_near(self, position: int) -> int:
        """A pause between words not long before or after this position, which is a guess, or the position itself."""
        position = max(position, self._tail.begins)
        begins, audio = self._tail.since(position - SEARCHED)
        found = between_words(audio[: position - begins + SEARCHED // 2])
        return position if found is None else begins + found

    async def clear(self) -> None:
        """Take back what was not heard; the ledger keeps what was. Raises SocketClosed."""
        if self._take_back():
            await self._stream.clear()

    def drop(self) -> None:
        """The same of speech that was paused. Never waits."""
        if self._take_back():
            self._resuming.start(self._clear_late(), "clear")

    def _take_back(self) -> bool:
        """Whether the far end must be told."""
        is_silent = self.ledger.held_at is not None
        self._takes += 1
        self.ledger.cleared(self._clock.monotonic())
        self._going.set()
        return not is_silent

    async def _clear_late(self) -> None:
        with suppress(SocketClosed):
            await self._stream.clear()
