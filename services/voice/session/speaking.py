"""One reply on its way to the caller: sentences as they are thought, their sound as it comes, the ear at its own pace.

Three steps run side by side, so that the next sentence is being thought and synthesised while this one is heard. What
is thought ahead is text, and short; what is synthesised ahead is bounded by a queue of one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Protocol

from services.voice.session.line import Line, Spoken
from services.voice.speech.ports import SpeechUnavailable
from services.voice.transport.media_socket import SocketClosed
from shared.clock import Clock
from shared.conversation.ports import Reply, Sentence
from shared.observability.logs import get_logger

log = get_logger(__name__)

DEAD_AIR_S: Final = 12.0
"""A reply that brings no sound for this long is given up: longer than every deadline behind it, so that only what none
of them has ended comes to this."""
LOOK_EVERY_S: Final = 1.0

Sounds = asyncio.Queue[Spoken | None]


class Floor(Protocol):
    """Whose turn it is to speak."""

    async def wait(self) -> object:
        """Wait until the caller is not speaking."""
        ...


@dataclass(frozen=True, slots=True)
class Road:
    """What a reply passes on its way to the caller."""

    line: Line
    floor: Floor
    model_waited: Callable[[], float]
    """Seconds the conversation has waited for its model so far."""


class Speaking:
    """Speaks one reply. `run` it once; `interrupt` it from elsewhere."""

    def __init__(self, reply: Reply, turn: int, road: Road, clock: Clock) -> None:
        self.reply = reply
        self.turn = turn
        self.sentences: list[str] = []
        """Every sentence of the reply so far, heard or not."""
        self.model_wait_s = 0.0
        """How long the first of them waited for the model."""
        self.first: Spoken | None = None
        """The first sentence that has a sound, or will have."""
        self.held_s = 0.0
        """How long the first sentence waited, ready, because the caller was speaking."""
        self.interrupted = False
        self.voiceless = False
        """No sound could be had for some of it."""
        self.all_sent = False
        """All of its sound has left for the caller."""
        self._line = road.line
        self._floor = road.floor
        self._model_waited = road.model_waited
        self._waited_before = road.model_waited()
        self._clock = clock
        self._work: asyncio.Task[None] | None = None
        self._waits_for_caller = False

    @property
    def text(self) -> str:
        """Everything the reply said so far."""
        return " ".join(self.sentences)

    @property
    def began_at(self) -> float | None:
        """When its first sound left for the caller."""
        return self.first.began_at if self.first is not None else None

    def heard(self, now: float) -> str:
        """The words the caller has heard of it."""
        return self._line.heard(self.turn, now)

    def heard_whole(self, now: float) -> bool:
        """Whether it is complete and was heard to its end."""
        return self.all_sent and self._line.heard_whole(self.turn, now)

    async def run(self) -> None:
        """Speak until the caller has heard all of it, until it is interrupted, or until speech fails.

        Raises SocketClosed when the caller is gone.
        """
        self._work = asyncio.create_task(self._speak(), name=f"reply-{self.turn}")
        try:
            await self._until_over(self._work)
        except asyncio.CancelledError:  # the call itself is ending, and whatever went wrong here with it
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
            raise
        if not self._work.cancelled():
            self._work.result()

    async def _until_over(self, work: asyncio.Task[None]) -> None:
        """Wait for the end of the reply; one that brings no sound for too long, whatever it waits for, is given up."""
        alive_at = self._clock.monotonic()
        while not (await asyncio.wait({work}, timeout=LOOK_EVERY_S))[0]:
            now = self._clock.monotonic()
            if self._line.is_sounding(now) or self._line.is_paused or self._waits_for_caller:
                alive_at = now
            elif now - alive_at > DEAD_AIR_S:
                log.error("dead_air", turn=self.turn, seconds=round(now - alive_at, 1))
                self.voiceless = True
                work.cancel()

    def interrupt(self) -> None:
        """Send nothing more. Takes effect at once: what was not sent by now will not be."""
        self.interrupted = True
        if self._work is not None:
            self._work.cancel()

    async def _speak(self) -> None:
        thoughts: asyncio.Queue[Sentence | None] = asyncio.Queue()
        sounds: Sounds = asyncio.Queue(1)
        gone = False
        try:
            async with asyncio.TaskGroup() as steps:
                steps.create_task(self._think(thoughts))
                steps.create_task(self._synthesise(thoughts, sounds))
                steps.create_task(self._play(sounds))
        except* SpeechUnavailable:
            self.voiceless = True
        except* SocketClosed:
            gone = True
        if gone:
            raise SocketClosed(1006)
        if not self.voiceless:
            self.all_sent = True
            await self._line.until_played(self.turn)

    async def _think(self, thoughts: asyncio.Queue[Sentence | None]) -> None:
        async with aclosing(aiter(self.reply)) as sentences:
            async for sentence in sentences:
                if not self.sentences:
                    self.model_wait_s = self._model_waited() - self._waited_before
                self.sentences.append(sentence.text)
                thoughts.put_nowait(sentence)
        thoughts.put_nowait(None)

    async def _synthesise(self, thoughts: asyncio.Queue[Sentence | None], sounds: Sounds) -> None:
        while (sentence := await thoughts.get()) is not None:
            spoken = await self._line.begin(self.turn, sentence)
            if self.first is None:
                self.first = spoken
            await sounds.put(spoken)
        await sounds.put(None)

    async def _play(self, sounds: Sounds) -> None:
        while (spoken := await sounds.get()) is not None:
            await spoken.play(self._take_the_floor)

    async def _take_the_floor(self) -> None:
        """Wait, with the first sound in hand, until the caller is not speaking; later sounds go on."""
        if self.began_at is not None:
            return
        waits_since = self._clock.monotonic()
        self._waits_for_caller = True
        await self._floor.wait()
        self._waits_for_caller = False
        self.held_s += self._clock.monotonic() - waits_since
