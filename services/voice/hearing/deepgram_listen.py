"""Hearing through Deepgram's `/v1/listen`: one socket after another for one call, as if it were a single one.

A socket that is cut is replaced while the caller talks; audio that was not settled yet is sent again, and words that
were settled are not taken twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Final

from websockets.exceptions import ConnectionClosed

from services.voice.deepgram_socket import (
    CLOSE_WITHIN_S,
    PROVIDER,
    Capability,
    DeepgramSockets,
    Result,
    SocketRefused,
    SocketUnavailable,
    count,
)
from services.voice.frame_socket import FrameSocket
from services.voice.hearing import ports
from services.voice.hearing.deepgram_messages import (
    ClientError,
    Garbage,
    ListenMessage,
    Results,
    SessionMetadata,
    VoiceDetected,
    WordGap,
    read_message,
)
from services.voice.hearing.heard_audio import BYTES_PER_SECOND, LONGEST, UNWORDED, HeardAudio
from shared.clock import Clock
from shared.observability.logs import get_logger
from shared.resilience.backoff import backoff
from shared.settings import DeepgramSettings
from shared.task_group import TaskSet

log = get_logger(__name__)

MOST_GARBAGE: Final = 10
"""Unreadable messages in a row after which a socket is replaced."""
KEEP_ALIVE, FINALIZE, CLOSE_STREAM = '{"type":"KeepAlive"}', '{"type":"Finalize"}', '{"type":"CloseStream"}'
UTTERANCE_END_MS: Final = 1000
"""The vendor's smallest useful value: interims come about once a second."""


def listen_query(settings: DeepgramSettings, language: str, company: str) -> list[tuple[str, str]]:
    """Query parameters for a telephone line; the company's name is a word worth expecting."""
    query = [
        ("model", settings.deepgram_listen_model),
        ("language", language),
        ("encoding", "mulaw"),
        ("sample_rate", "8000"),
        ("channels", "1"),
        ("interim_results", "true"),
        ("endpointing", str(settings.deepgram_endpointing_ms)),
        ("utterance_end_ms", str(UTTERANCE_END_MS)),
        ("vad_events", "true"),
        ("smart_format", "true"),
        ("punctuate", "true"),
        ("numerals", "true"),
    ]
    if settings.deepgram_listen_model.startswith("nova-3") and company:
        query.append(("keyterm", company))
    return query


@dataclass(frozen=True, slots=True)
class ListenTimes:
    """In seconds."""

    keepalive: float = 3.0
    """The vendor closes a socket that got nothing for 10 s and asks for a sign of life every 3 to 5 s."""
    quiet: float = 8.0
    """With no message for this long we ask for one."""
    answer: float = 3.0
    """No answer to that within this time: the socket is dead, whatever TCP says."""
    give_up: float = 6.0
    """Without a working socket for this long the caller must be told that we cannot hear."""


class _Stalled(Exception):
    """The socket is open and says nothing."""


class DeepgramListen:
    """`Hearing` of one call."""

    def __init__(
        self,
        sockets: DeepgramSockets,
        query: Sequence[tuple[str, str]],
        clock: Clock,
        times: ListenTimes = ListenTimes(),
    ) -> None:
        self._sockets = sockets
        self._times = times
        self._query = query
        self._clock = clock
        self._audio = HeardAudio()
        self._heard_at = clock.monotonic()
        self._words_pending = False
        self._settled = 0
        self._base = 0
        self._fed = 0
        self._controls: deque[str] = deque()
        self._wake = asyncio.Event()
        self._socket: FrameSocket | None = None
        self._given = 0
        """Up to where the present socket was given what was heard."""
        self._is_level = False
        """Whether the socket has everything that was heard so far: the next audio may go straight to it."""
        self._sent_at = 0.0
        self._answered = False
        self._closing = False
        self._tasks = TaskSet("hearing")

    def hear(self, audio: bytes) -> None:
        connected = self._socket is not None
        self._audio.append(audio, UNWORDED if connected and not self._words_pending else LONGEST)
        self._heard_at = self._clock.monotonic()
        if self._is_level and self._socket is not None and self._socket.write(audio):
            self._has_until(self._audio.end)
            self._sent_at = self._heard_at
        else:
            self._is_level = False
            self._wake.set()

    def _has_until(self, position: int) -> None:
        """The present socket has been given everything before this position."""
        self._given = position
        self._fed = max(self._fed, position)
        self._is_level = position == self._audio.end

    def finalize(self) -> None:
        self._control(FINALIZE)

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
                try:
                    async with aclosing(self._through_one_socket()) as heard:
                        async for event in heard:
                            yield event
                except SocketRefused as refusal:
                    yield ports.Lost(refusal.detail)
                    return
                except (SocketUnavailable, ConnectionClosed, Garbage, _Stalled) as error:
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
        socket = await self._sockets.open("/v1/listen", self._query, Capability.HEARING)
        self._base = self._audio.replay_from(self._fed, words_pending=self._words_pending)
        self._socket = socket
        self._sent_at = self._clock.monotonic()
        self._given, self._is_level = self._base, False
        feeding = self._tasks.start(self._feed(socket), "hearing-feed")
        try:
            async with aclosing(self._messages(socket)) as messages:
                async for message in messages:
                    for event in self._understood(message):
                        yield event
        finally:
            self._socket = None
            feeding.cancel()
            socket.transport.abort()

    async def _feed(self, socket: FrameSocket) -> None:
        """Send audio as it comes, controls between it, and a sign of life when there is none."""
        loop = asyncio.get_running_loop()

        alive: asyncio.TimerHandle | None = None

        def stay_alive() -> None:
            nonlocal alive
            if self._clock.monotonic() - self._sent_at >= self._times.keepalive:
                self._control(KEEP_ALIVE)
            alive = loop.call_later(self._times.keepalive / 2, stay_alive)

        stay_alive()
        self._wake.set()
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while not self._is_level:
                    begins, audio = self._audio.since(self._given)
                    if audio:  # an empty frame would end the stream
                        await socket.send(audio)
                    self._has_until(begins + len(audio))
                while self._controls:
                    await socket.send(self._controls.popleft())
                self._sent_at = self._clock.monotonic()
        except ConnectionClosed:
            return  # the receiving side reports it
        finally:
            if alive is not None:
                alive.cancel()

    async def _messages(self, socket: FrameSocket) -> AsyncGenerator[ListenMessage, None]:
        """Typed messages. Raises ConnectionClosed, Garbage and _Stalled."""
        garbage, asked, heard_before = 0, False, self._audio.end
        while True:
            try:
                async with asyncio.timeout(self._times.answer if asked else self._times.quiet):
                    data = await socket.recv(decode=False)
            except TimeoutError:
                if self._audio.end - heard_before < UNWORDED:
                    continue  # there was nothing to report about
                if asked:
                    raise _Stalled from None
                asked = True
                self.finalize()
                continue
            try:
                message = read_message(data)
            except Garbage:
                garbage += 1
                if garbage >= MOST_GARBAGE:
                    raise
                continue
            garbage, asked, heard_before, self._answered = 0, False, self._audio.end, True
            if message is not None:
                yield message

    def _understood(self, message: ListenMessage) -> list[ports.Heard]:
        """What a message means to the call."""
        match message:
            case Results():
                event = self._words(message)
                return [event] if event is not None else []
            case WordGap(last_word_end=last_word_end):
                return [ports.UtteranceEnded(self._spoken_at(last_word_end))]
            case VoiceDetected():
                return [ports.SpeechStarted()]
            case ClientError(variant=variant):
                log.warning("hearing_misunderstood", provider=PROVIDER, reason=variant)
            case SessionMetadata(request_id=request_id):
                log.debug("hearing_session", provider=PROVIDER, provider_request_id=request_id)
        return []

    def _words(self, results: Results) -> ports.Interim | ports.Final | None:
        """Words of one window; None for a window that was settled before, or a guess of nothing."""
        window_end = self._position(results.start + results.duration)
        text = results.text
        if text and window_end <= self._settled:
            return None
        if not results.is_final and not results.speech_final:
            self._words_pending = self._words_pending or bool(text)
            return ports.Interim(text, self._spoken_at(results.last_word_end)) if text else None
        self._words_pending = False
        self._settled = max(self._settled, window_end)
        self._audio.settled(window_end)
        if text:
            count(Capability.HEARING, Result.OK)
        return ports.Final(text, results.speech_final, self._spoken_at(results.last_word_end))

    def _position(self, seconds: float) -> int:
        """The call's position of a moment on the present socket, whose own time began at 0."""
        return self._base + int(seconds * BYTES_PER_SECOND)

    def _spoken_at(self, seconds: float) -> float:
        """When the audio of this moment on the present socket came in, on the call's clock."""
        return self._heard_at - max(0, self._audio.end - self._position(seconds)) / BYTES_PER_SECOND

    def _note(self, error: Exception) -> None:
        """Count and log why a socket did not last."""
        if self._closing or isinstance(error, SocketUnavailable):
            return  # wanted, or noted where it was opened
        result = {Garbage: Result.GARBAGE, _Stalled: Result.TIMEOUT}.get(type(error), Result.ERROR)
        count(Capability.HEARING, result)
        closed = error.rcvd if isinstance(error, ConnectionClosed) else None
        log.warning(
            "hearing_cut",
            provider=PROVIDER,
            error=type(error).__name__,
            code=closed.code if closed else 0,
            reason=closed.reason if closed else "",
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
