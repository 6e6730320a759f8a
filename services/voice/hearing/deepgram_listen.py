"""Hearing through Deepgram: one socket after another for one call, as if it were a single one.

A socket that is cut is replaced while the caller talks; audio that was not settled yet is sent again, and words that
were settled are not taken twice. What the sockets say is the business of a dialect: `nova.py`, `flux.py`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Final

from websockets.exceptions import ConnectionClosed

from services.voice.deepgram_socket import (
    CLOSE_WITHIN_S,
    PROVIDER,
    Capability,
    Result,
    SocketRefused,
    SocketUnavailable,
    count,
)
from services.voice.frame_socket import FrameSocket
from services.voice.hearing import ports
from services.voice.hearing.dialect import Dialect, Failed, Garbage, Recogniser
from services.voice.hearing.heard_audio import BYTES_PER_SECOND
from services.voice.hearing.patience import ORDINARY, ListenTimes, Look, Patience
from services.voice.hearing.sockets_ahead import Opens
from services.voice.hearing.timeline import Timeline
from services.voice.loudness import is_silent
from shared.clock import Clock
from shared.observability.logs import get_logger
from shared.rates.usage import Meter, Unit
from shared.resilience.backoff import backoff
from shared.resilience.breaker import Breaker
from shared.resilience.provider_names import HEARING
from shared.task_group import TaskSet

log = get_logger(__name__)

MOST_GARBAGE: Final = 10
"""Unreadable messages in a row after which a socket is replaced."""
CLOSE_STREAM: Final = '{"type":"CloseStream"}'
SILENCE: Final = b"\xff"
QUIET_AFTER: Final = int(1.5 * BYTES_PER_SECOND)
"""Bytes of silence after which nobody speaks: by then both detectors of an utterance's end have had their say."""


class _Stalled(Exception):
    """The socket is open and says nothing."""


class _Replaced(Exception):
    """Another recogniser was wanted while the socket to this one was opened."""


class DeepgramListen:
    """`Hearing` of one call."""

    def __init__(
        self,
        sockets: Opens,
        recogniser: Recogniser,
        clock: Clock,
        meter: Meter,
        times: ListenTimes = ORDINARY,
        breaker: Breaker | None = None,
    ) -> None:
        """`breaker` is told how hearing goes; there is nobody else to ask, so it holds nothing back here."""
        self._sockets = sockets
        self._times = times
        self._clock = clock
        self._meter = meter
        self._timeline = Timeline(clock)
        self._breaker = breaker or Breaker(HEARING, clock)
        self._recogniser = recogniser
        self._dialect: Dialect = recogniser.dialect(self._timeline)
        self._fed = 0
        self._controls: deque[str] = deque()
        self._wake = asyncio.Event()
        self._socket: FrameSocket | None = None
        self._given = 0
        """Up to where the present socket was given what was heard."""
        self._is_level = False
        """Whether the socket has everything worth a message so far: the next audio may go straight to it."""
        self._patience = Patience(times)
        self._is_stalled = False
        """Whether the present socket was given up because it does not listen."""
        self._loud_at = 0
        """Where the caller was last louder than the line's noise."""
        self._sent_at = 0.0
        self._answered = False
        self._closing = False
        self._tasks = TaskSet("hearing")

    def hear(self, audio: bytes) -> None:
        self._timeline.hear(audio, is_behind=not self._is_level)
        kept = self._timeline.audio
        end = kept.end
        if not is_silent(audio):
            self._loud_at = end
            self._timeline.sounded()
            self._patience.sound(self._timeline.heard_at, len(audio))
        quiet = end - self._loud_at > QUIET_AFTER
        if end - self._given < (self._dialect.silent_chunk if quiet else self._dialect.chunk):
            return
        if self._is_level and self._socket is not None and self._socket.write(kept.since(self._given)[1]):
            self._has_until(end)
        else:
            self._is_level = False
            self._wake.set()

    def _has_until(self, position: int) -> None:
        """The present socket has been given everything before this position."""
        self._given = position
        self._fed = max(self._fed, position)
        self._is_level = self._timeline.audio.end - position < self._dialect.chunk
        self._sent_at = self._clock.monotonic()

    def hear_with(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._dialect = recogniser.dialect(self._timeline)
        if self._socket is not None:
            self._socket.transport.abort()

    def finalize(self) -> None:
        self._is_level = False  # what is held back comes before it
        self._control(self._dialect.finalize)

    def _control(self, message: str) -> None:
        self._controls.append(message)
        self._wake.set()

    async def events(self) -> AsyncGenerator[ports.Heard, None]:
        waits = backoff(0.1, 1.0)
        worked_at = self._clock.monotonic()
        fruitless = 0
        try:
            while not self._closing:
                self._answered = False
                recogniser = self._recogniser
                try:
                    async with aclosing(self._through_one_socket()) as heard:
                        async for event in heard:
                            yield event
                except SocketRefused as refusal:
                    self._breaker.failed(Result.REFUSED.value, sure=True)
                    yield ports.Lost(refusal.detail)
                    return
                except _Replaced:
                    continue
                except (SocketUnavailable, ConnectionClosed, Garbage, Failed, _Stalled) as error:
                    if recogniser is not self._recogniser:
                        continue
                    self._note(error)
                if self._answered:
                    waits, worked_at, fruitless = backoff(0.1, 1.0), self._clock.monotonic(), 0
                fruitless += 1
                if fruitless > 1 and self._clock.monotonic() - worked_at > self._times.give_up:
                    yield ports.Lost("no recogniser in time")
                    return
                if not self._closing:
                    await asyncio.sleep(next(waits))
        finally:
            await self.close()

    async def _through_one_socket(self) -> AsyncGenerator[ports.Heard, None]:
        """Hear through one socket until it ends. Raises what ended it."""
        dialect, timeline, recogniser = self._dialect, self._timeline, self._recogniser
        socket = await self._sockets.open(recogniser.path, recogniser.query, Capability.HEARING)
        if recogniser is not self._recogniser:
            socket.transport.abort()
            raise _Replaced
        for event in dialect.begin():
            yield event
        self._given = begins = timeline.connect(self._fed)
        self._socket = socket
        self._sent_at = self._clock.monotonic()
        self._is_level = self._is_stalled = False
        self._patience.begin(self._sent_at, timeline.audio.end)
        feeding = self._tasks.start(self._feed(socket), "hearing-feed")
        watching = self._tasks.start(self._watch(socket), "hearing-watch")
        filling = None if dialect.keep_alive else self._tasks.start(self._fill_gaps(), "hearing-gaps")
        try:
            async with aclosing(self._messages(socket)) as messages:
                async for event in messages:
                    yield event
        finally:
            self._socket = None
            # All audio that is sent is billed, whatever is in it, and what is sent again is billed again.
            self._meter.add(recogniser.product, Unit.SECONDS, (self._given - begins) / BYTES_PER_SECOND)
            timeline.disconnect()
            for task in (feeding, watching, filling):
                if task is not None:
                    task.cancel()
            socket.transport.abort()

    async def _feed(self, socket: FrameSocket) -> None:
        """Send audio as it comes, and controls between it."""
        self._wake.set()
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                if not self._dialect.is_ready:
                    continue
                while not self._is_level:
                    begins, audio = self._timeline.audio.since(self._given)
                    if len(audio) >= self._dialect.chunk:  # never empty: an empty frame would end the stream
                        await socket.send(audio)
                        self._has_until(begins + len(audio))
                    else:
                        self._is_level = True
                while self._controls:
                    await socket.send(self._controls.popleft())
                    self._sent_at = self._clock.monotonic()
        except ConnectionClosed:
            return  # the receiving side reports it

    async def _watch(self, socket: FrameSocket) -> None:
        """Give signs of life, and give a socket up that has stopped listening."""
        dialect = self._dialect
        while True:
            await asyncio.sleep(self._times.look)
            now = self._clock.monotonic()
            match self._patience.look(
                now,
                self._timeline.audio.end,
                answers_when_asked=dialect.answers_when_asked,
                is_ready=dialect.is_ready,
            ):
                case Look.ASK:
                    self.finalize()
                case Look.REPLACE:
                    self._is_stalled = True
                    socket.transport.abort()
                    return
                case Look.WAIT if dialect.keep_alive and now - self._sent_at >= self._times.keepalive:
                    self._control(dialect.keep_alive)

    async def _fill_gaps(self) -> None:
        """Silence for the time in which no audio came; it counts as heard, so that moments stay true."""
        while True:
            await asyncio.sleep(self._times.gap / 2)
            missing = self._clock.monotonic() - self._timeline.heard_at
            if missing >= self._times.gap:
                self.hear(SILENCE * int(missing * BYTES_PER_SECOND))

    async def _messages(self, socket: FrameSocket) -> AsyncGenerator[ports.Heard, None]:
        """What the socket's messages mean. Raises ConnectionClosed, Garbage, Failed and _Stalled."""
        dialect, audio = self._dialect, self._timeline.audio
        garbage = 0
        while True:
            try:
                data = await socket.recv(decode=False)
            except ConnectionClosed:
                if self._is_stalled:
                    raise _Stalled from None
                raise
            was_ready = dialect.is_ready
            try:
                events = dialect.understand(data)
            except Garbage:
                garbage += 1
                if garbage >= MOST_GARBAGE:
                    raise
                continue
            if not was_ready:
                self._wake.set()
            if not self._answered:
                self._breaker.succeeded()
            garbage, self._answered = 0, True
            worded = any(isinstance(event, ports.Interim | ports.Final) and event.text for event in events)
            self._patience.message(self._clock.monotonic(), audio.end, worded=worded)
            for event in events:
                yield event

    def _note(self, error: Exception) -> None:
        """Count and log why a socket did not last."""
        if self._closing:
            return  # wanted
        if not (self._answered and isinstance(error, ConnectionClosed)):
            # one that worked and broke says little, and all of a process's break at once: the next one tells
            self._breaker.failed(type(error).__name__)
        if isinstance(error, SocketUnavailable):
            return  # noted where it was opened
        result = {Garbage: Result.GARBAGE, _Stalled: Result.TIMEOUT}.get(type(error), Result.ERROR)
        count(Capability.HEARING, result)
        closed = error.rcvd if isinstance(error, ConnectionClosed) else None
        log.warning(
            "hearing_cut",
            provider=PROVIDER,
            error=type(error).__name__,
            code=closed.code if closed else 0,
            reason=closed.reason if closed else str(error) if isinstance(error, Failed) else "",
        )

    async def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        if self._socket is not None:
            with suppress(ConnectionClosed, TimeoutError):
                async with asyncio.timeout(CLOSE_WITHIN_S):
                    await self._socket.send(CLOSE_STREAM)
                    await self._socket.close()
        await self._tasks.close()
