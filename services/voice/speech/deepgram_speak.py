"""Speech through Deepgram's `/v1/speak` (Aura): sentence by sentence, μ-law at 8000 Hz.

Audio carries no label, so each sentence is flushed and the audio up to its `Flushed` is its own. A socket takes 20
flushes a minute and lives an hour: it is replaced before either limit, between two sentences. After `Clear` whatever
still arrives before `Cleared` belongs to nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final

import msgspec
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
from services.voice.speech.ports import SpeakerTraits, SpeechUnavailable
from shared.clock import Clock
from shared.observability.logs import get_logger
from shared.task_group import TaskSet

log = get_logger(__name__)

FIRST_SOUND_S: Final = 1.0
"""A sentence whose audio has not begun after this long is given up; 0.1 to 0.3 s is usual."""
NEXT_SOUND_S: Final = 1.5
"""The same between two pieces of its audio, which comes several times faster than it is played."""
MOST_FLUSHES, FLUSH_WINDOW_S = 18, 60.0
"""The vendor refuses the 21st flush within 60 s, and the sentence is then never spoken."""
LOST_FLUSH: Final = "EXCESSIVE_FLUSH"
OLDEST_S: Final = 3300.0
"""The vendor ends a socket after an hour."""
LONGEST_AUDIO: Final = 90 * 8000
"""Bytes of one sentence; more than anybody would listen to."""
FLUSH, CLEAR, CLOSE = '{"type":"Flush"}', '{"type":"Clear"}', '{"type":"Close"}'


class _Control(msgspec.Struct):
    type: str
    code: str = ""


_read_control = msgspec.json.Decoder(_Control).decode


class AuraSentence:
    """One sentence's audio, as it comes."""

    def __init__(self, socket: AuraSocket, sent_at: float) -> None:
        self.sent_at = sent_at
        self.sounded_at: float | None = None
        self._socket = socket
        self._audio = bytearray()
        self._total = 0
        self._complete = False
        self._problem = ""
        self._news = asyncio.Event()

    @property
    def total(self) -> int | None:
        return self._total if self._complete else None

    def sounded(self, audio: bytes, now: float) -> None:
        """More audio came."""
        if self.sounded_at is None:
            self.sounded_at = now
        self._audio += audio
        self._total += len(audio)
        if self._total > LONGEST_AUDIO:
            self.failed("a sentence that does not end")
        self._news.set()

    def completed(self) -> None:
        """All of it came."""
        if self._total == 0:
            count(Capability.SPEECH, Result.EMPTY)
            self.failed("an answer without sound")
        else:
            count(Capability.SPEECH, Result.OK)
        self._complete = True
        self._news.set()

    def failed(self, problem: str) -> None:
        """No more will come."""
        self._problem = self._problem or problem
        self._news.set()

    async def read(self, most: int) -> bytes:
        while not self._audio:
            if self._problem:
                raise SpeechUnavailable(self._problem)
            if self._complete:
                return b""
            self._news.clear()
            try:
                async with asyncio.timeout(FIRST_SOUND_S if self.sounded_at is None else NEXT_SOUND_S):
                    await self._news.wait()
            except TimeoutError:
                count(Capability.SPEECH, Result.TIMEOUT)
                self._socket.give_up()
                raise SpeechUnavailable("no sound in time") from None
        piece = bytes(self._audio[:most])
        del self._audio[:most]
        return piece


class AuraSocket:
    """One connection, and the sentences whose audio it still owes."""

    def __init__(self, connection: FrameSocket, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._opened_at = clock.monotonic()
        self._owed: deque[AuraSentence] = deque()
        self._flushes: deque[float] = deque()
        self._clears_unanswered = 0
        self._retired = False
        self._alive = True

    @property
    def takes_more(self) -> bool:
        """Whether another sentence may be begun here."""
        now = self._clock.monotonic()
        while self._flushes and now - self._flushes[0] > FLUSH_WINDOW_S:
            self._flushes.popleft()
        return (
            self._alive and not self._retired and len(self._flushes) < MOST_FLUSHES and now - self._opened_at < OLDEST_S
        )

    async def begin(self, text: str) -> AuraSentence:
        """Send one sentence. Raises SpeechUnavailable when the socket has just gone."""
        sentence = AuraSentence(self, self._clock.monotonic())
        self._owed.append(sentence)
        self._flushes.append(sentence.sent_at)
        try:
            await self._connection.send(msgspec.json.encode({"type": "Speak", "text": text}), text=True)
            await self._connection.send(FLUSH)
        except ConnectionClosed:
            raise SpeechUnavailable("the speech socket was closed") from None
        return sentence

    async def stop(self) -> None:
        """Drop what is owed."""
        if not self._owed:
            return
        self._forget("stopped")
        self._clears_unanswered += 1
        with suppress(ConnectionClosed):
            await self._connection.send(CLEAR)

    async def receive(self) -> None:
        """Give each sentence its audio until the socket ends."""
        try:
            while True:
                message = await self._connection.recv()
                if isinstance(message, bytes):
                    if self._owed and not self._clears_unanswered:
                        self._owed[0].sounded(message, self._clock.monotonic())
                else:
                    self._controlled(message)
                if self._retired and not self._owed:
                    await self._connection.send(CLOSE)
                    return
        except ConnectionClosed as closed:
            self._ended(closed)
        finally:
            self._alive = False
            self._forget("the speech socket was closed")
            self._connection.transport.abort()

    def _controlled(self, message: str) -> None:
        try:
            control = _read_control(message)
        except (msgspec.DecodeError, UnicodeError):
            count(Capability.SPEECH, Result.GARBAGE)
            return
        match control.type:
            case "Flushed" if self._owed and not self._clears_unanswered:
                self._owed.popleft().completed()
            case "Cleared":
                self._clears_unanswered = max(0, self._clears_unanswered - 1)
            case "Warning" | "Error":
                log.warning("speech_warning", provider=PROVIDER, error_code=control.code)
                if control.type == "Error" or control.code == LOST_FLUSH:
                    count(Capability.SPEECH, Result.ERROR)
                    self.give_up()  # whichever sentence it meant, none of them can be relied on

    def _ended(self, closed: ConnectionClosed) -> None:
        """An idle socket may be closed at any time; one that owes a sentence may not."""
        if self._owed and self._alive:
            count(Capability.SPEECH, Result.ERROR)
            reason = closed.rcvd.reason if closed.rcvd else ""
            log.warning("speech_cut", provider=PROVIDER, code=closed.rcvd.code if closed.rcvd else 0, reason=reason)

    def _forget(self, problem: str) -> None:
        for sentence in self._owed:
            sentence.failed(problem)
        self._owed.clear()

    def give_up(self) -> None:
        """Nothing good comes from this socket any more."""
        self._alive = False
        self._connection.transport.abort()

    def retire(self) -> None:
        """Take nothing new; end when what is owed has come."""
        self._retired = True
        if not self._owed:
            self.give_up()

    async def close(self) -> None:
        """End it now, politely."""
        self._alive = False
        with suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self._connection.send(CLOSE)
                await self._connection.close()


class DeepgramSpeak:
    """`Speaker` of one call."""

    name = PROVIDER
    traits = SpeakerTraits(streams_input=True, native_mulaw=True)

    def __init__(self, sockets: DeepgramSockets, voice: str, clock: Clock) -> None:
        self._sockets = sockets
        self._query = [("model", voice), ("encoding", "mulaw"), ("sample_rate", "8000")]
        self._clock = clock
        self._present: AuraSocket | None = None
        self._opening: asyncio.Task[str] | None = None
        self._tasks = TaskSet("speech")

    def prepare(self) -> None:
        if self._opening is None and not self._takes_more:
            self._opening = self._tasks.start(self._open(), "speech-open")

    @property
    def _takes_more(self) -> bool:
        return self._present is not None and self._present.takes_more

    async def begin(self, text: str) -> AuraSentence:
        self.prepare()
        if self._opening is not None:
            try:
                async with asyncio.timeout(FIRST_SOUND_S):
                    problem = await asyncio.shield(self._opening)
            except TimeoutError:
                problem = "no speech socket in time"
            if problem:
                raise SpeechUnavailable(problem)
        if self._present is None or not self._present.takes_more:
            raise SpeechUnavailable("the speech socket was closed")
        return await self._present.begin(text)

    async def _open(self) -> str:
        """Put a new socket in the place of the present one; what is wrong when that is not possible, or nothing."""
        try:
            connection = await self._sockets.open("/v1/speak", self._query, Capability.SPEECH)
        except (SocketRefused, SocketUnavailable) as error:
            return error.detail
        finally:
            self._opening = None
        if self._present is not None:
            self._present.retire()
        self._present = AuraSocket(connection, self._clock)
        self._tasks.start(self._present.receive(), "speech-receive")
        return ""

    async def stop(self) -> None:
        if self._present is not None:
            await self._present.stop()

    async def close(self) -> None:
        if self._present is not None:
            await self._present.close()
        await self._tasks.close()
