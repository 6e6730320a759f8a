"""What the live sockets of all vendors have in common: sentences whose audio they owe, in order."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from contextlib import suppress

from websockets.exceptions import ConnectionClosed

from services.voice.frame_socket import FrameSocket
from services.voice.provider_results import Result
from services.voice.provider_socket import CLOSE_WITHIN_S
from services.voice.speech.arriving import ArrivingSentence
from services.voice.speech.ports import SpeechUnavailable
from services.voice.speech.standing import Standing
from shared.clock import Clock
from shared.observability.logs import get_logger

log = get_logger(__name__)


class OwingSocket(ABC):
    """A `SpeechSocket`; the vendor's messages are understood by its subclass."""

    def __init__(self, connection: FrameSocket, clock: Clock, standing: Standing) -> None:
        self.clock = clock
        self.standing = standing
        self.opened_at = clock.monotonic()
        self.owed: deque[ArrivingSentence] = deque()
        """Sentences that were begun here and have not come to their end, oldest first."""
        self._connection = connection
        self._retired = False
        self._alive = True

    @property
    def is_open(self) -> bool:
        """Whether it is alive and not about to be replaced."""
        return self._alive and not self._retired

    @abstractmethod
    def received(self, message: str | bytes) -> None:
        """Understand one message of the vendor."""

    @abstractmethod
    async def say_goodbye(self) -> None:
        """Send what ends the session politely."""

    def owe(self) -> ArrivingSentence:
        """One more sentence, behind the others."""
        sentence = ArrivingSentence(self.clock, self.standing, self.give_up)
        self.owed.append(sentence)
        return sentence

    def paid(self, sentence: ArrivingSentence) -> None:
        """All audio of this sentence has come; the turn of the next one as well."""
        sentence.completed()
        while self.owed and self.owed[0].is_over:
            self.owed.popleft()
        if self.owed:
            self.owed[0].turn_came()

    async def send(self, *messages: str) -> None:
        """Send messages. Raises SpeechUnavailable when the socket has just gone."""
        try:
            for message in messages:
                await self._connection.send(message)
        except ConnectionClosed:
            raise self.closed from None

    async def try_to_send(self, message: str) -> None:
        """Send a message that no longer matters when the socket has gone."""
        with suppress(ConnectionClosed):
            await self._connection.send(message)

    async def receive(self) -> None:
        """Give each sentence its audio until the socket ends."""
        try:
            await self._connection.deliver(self._take)
            await self.say_goodbye()
        except ConnectionClosed as closed:
            self._note(closed)
        finally:
            self._alive = False
            self.forget("the speech socket was closed")
            self._connection.transport.abort()

    def _take(self, message: bytes, is_text: bool) -> bool:
        """Understand one message; whether it was the last that is owed."""
        self.received(message.decode() if is_text else message)
        return self._retired and not self.owed

    def _note(self, closed: ConnectionClosed) -> None:
        """An idle socket may be closed at any time; one that owes a sentence may not."""
        if self.owed and self._alive:
            self.standing.failed(Result.ERROR)
            reason = closed.rcvd.reason if closed.rcvd else ""
            code = closed.rcvd.code if closed.rcvd else 0
            log.warning("speech_cut", provider=self.standing.provider, code=code, reason=reason)

    def forget(self, problem: str) -> None:
        """Owe nothing any more."""
        for sentence in self.owed:
            sentence.failed(problem)
        self.owed.clear()

    def give_up(self) -> None:
        """Nothing good comes from this socket any more."""
        self._alive = False
        self._connection.transport.abort()

    def retire(self) -> None:
        """Take nothing new; end when what is owed has come."""
        self._retired = True
        if not self.owed:
            self.give_up()

    @property
    def closed(self) -> SpeechUnavailable:
        """What to raise when it has gone."""
        return SpeechUnavailable("the speech socket was closed")

    async def close(self) -> None:
        """End it now, politely."""
        self._alive = False
        with suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self.say_goodbye()
                await self._connection.close()
