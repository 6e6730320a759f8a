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
from services.voice.session.meanwhile import AGAIN_S, Progress, Waiting
from services.voice.speech.ports import SpeechUnavailable
from services.voice.transport.media_socket import SocketClosed
from shared.clock import Clock
from shared.conversation.phrases import Phrase
from shared.conversation.ports import Reply, Sentence
from shared.conversation.spoken.speakable import count_words
from shared.observability.logs import get_logger

log = get_logger(__name__)

DEAD_AIR_S: Final = 12.0
"""A reply that brings no sound for this long is given up: longer than every deadline behind it, so that only what none
of them has ended comes to this."""
LOOK_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Thought:
    """A sentence to be spoken."""

    sentence: Sentence
    is_reply: bool = True
    """It belongs to the reply, and does not just fill the time until it comes."""


Sounds = asyncio.Queue[Spoken | None]


class Floor(Protocol):
    """Whose turn it is to speak."""

    def is_set(self) -> bool:
        """Whether the caller is not speaking."""
        ...

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

    def __init__(self, reply: Reply, turn: int, road: Road, clock: Clock, waiting: Waiting | None = None) -> None:
        """`waiting`: the caller is told when the reply takes its time."""
        self.reply = reply
        self.turn = turn
        self.sentences: list[str] = []
        """Every sentence of the reply so far, heard or not."""
        self.meanwhile: list[str] = []
        """What was said before the first of them, because it did not come."""
        self._announced: Spoken | None = None
        """The first of that with its sound."""
        self.model_wait_s = 0.0
        """How long the first of them waited for the model."""
        self.first: Spoken | None = None
        """The first sentence of the reply that has a sound, or will have."""
        self._held_s = 0.0
        """How long the first sound waited, ready, because the caller was speaking."""
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
        self._waiting = waiting
        self._waits_since = waiting.since if waiting is not None else 0.0
        """Since when the caller hears nothing."""
        self._timer: asyncio.TimerHandle | None = None
        self._thoughts: asyncio.Queue[_Thought | None] = asyncio.Queue()
        self._work: asyncio.Task[None] | None = None
        self._waits_for_caller = False
        self._holds = False
        self.is_held = False
        """Nothing more of it will leave; what has left may still be heard."""

    @property
    def text(self) -> str:
        """Everything that was said so far."""
        return " ".join((*self.meanwhile, *self.sentences))

    @property
    def began_at(self) -> float | None:
        """When the first sound left for the caller."""
        first = self._announced or self.first
        return first.began_at if first is not None else None

    @property
    def acknowledged_at(self) -> float | None:
        """When the first sound left of what only filled the time."""
        return self._announced.began_at if self._announced is not None else None

    @property
    def held_s(self) -> float:
        """How long the reply's first sound waited, ready, because the caller or what came before was to be heard."""
        first = self.first
        if self._announced is None or first is None or first.began_at is None or first.sounded_at is None:
            return self._held_s
        return max(0.0, first.began_at - first.sounded_at)

    def heard(self, now: float) -> str:
        """The words the caller has heard."""
        return self._line.heard(self.turn, now)

    def heard_of_reply(self, now: float) -> str:
        """The same without what only filled the time: nothing of it says or promises anything."""
        heard, before = self.heard(now), " ".join(self.meanwhile)
        return heard.removeprefix(before).lstrip() if heard.startswith(before) else ""

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

    def whole_sentences(self, now: float) -> int:
        """How many of its sentences the caller has heard to their end."""
        words = count_words(self.heard_of_reply(now))
        for number, sentence in enumerate(self.sentences):
            words -= count_words(sentence)
            if words < 0:
                return number
        return len(self.sentences)

    def hold(self) -> None:
        """Send no sentence behind the present one; then wait to be cancelled."""
        self._holds = True

    def interrupt(self) -> None:
        """Send nothing more. Takes effect at once: what was not sent by now will not be."""
        self.interrupted = True
        if self._work is not None:
            self._work.cancel()

    async def _speak(self) -> None:
        sounds: Sounds = asyncio.Queue(1)
        gone = False
        try:
            self._fill_the_time()
            async with asyncio.TaskGroup() as steps:
                steps.create_task(self._think())
                steps.create_task(self._synthesise(sounds))
                steps.create_task(self._play(sounds))
        except* SpeechUnavailable:
            self.voiceless = True
        except* SocketClosed:
            gone = True
        finally:
            self._set_timer(None)
        if gone:
            raise SocketClosed(1006)
        if not self.voiceless:
            self.all_sent = True
            await self._line.until_played(self.turn)

    async def _think(self) -> None:
        async with aclosing(aiter(self.reply)) as sentences:
            async for sentence in sentences:
                if not self.sentences:
                    self.model_wait_s = self._model_waited() - self._waited_before
                self.sentences.append(sentence.text)
                self._thoughts.put_nowait(_Thought(sentence))
        self._thoughts.put_nowait(None)

    async def _synthesise(self, sounds: Sounds) -> None:
        while (thought := await self._thoughts.get()) is not None:
            spoken = await self._line.begin(self.turn, thought.sentence)
            if not thought.is_reply:
                self._announced = self._announced or spoken
            elif self.first is None:
                self.first = spoken
            await sounds.put(spoken)
        await sounds.put(None)

    async def _play(self, sounds: Sounds) -> None:
        while (spoken := await sounds.get()) is not None:
            if self._holds:
                self.is_held = True
                await asyncio.Event().wait()
            await spoken.play(self._take_the_floor)

    def _fill_the_time(self) -> None:
        """Say something while the reply does not come, when that is due, and look again when it may be."""
        waiting, now = self._waiting, self._clock.monotonic()
        if waiting is None:
            return
        progress = Progress(
            waits_s=now - self._waits_since,
            has_sentence=bool(self.sentences),
            is_written="first_token" in self.reply.provenance.stages_ms,
            may_speak=self._floor.is_set() and not self._line.is_paused,
            said=len(self.meanwhile),
        )
        wait_s = waiting.meanwhile.wait_s(progress)
        if wait_s == 0:
            self._say_meanwhile(waiting, now)
            wait_s = AGAIN_S
        self._set_timer(wait_s)

    def _say_meanwhile(self, waiting: Waiting, now: float) -> None:
        self._waits_since = now
        text = waiting.meanwhile.sentence(Phrase.STILL_LOOKING if self.meanwhile else waiting.kind)
        if self._line.can_say(text):
            self.meanwhile.append(text)
            self._thoughts.put_nowait(_Thought(Sentence(text, is_fixed=True), is_reply=False))

    def _set_timer(self, wait_s: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if wait_s is not None:
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._fill_the_time)

    async def _take_the_floor(self) -> None:
        """Wait, with the first sound in hand, until the caller is not speaking; later sounds go on."""
        if self.began_at is not None:
            return
        waits_since = self._clock.monotonic()
        self._waits_for_caller = True
        await self._floor.wait()
        self._waits_for_caller = False
        self._held_s += self._clock.monotonic() - waits_since
