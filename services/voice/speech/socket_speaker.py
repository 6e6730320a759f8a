"""A voice behind live sockets: one after another for one call, as if it were a single one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from services.voice.provider_results import Result
from services.voice.provider_socket import SocketRefused, SocketUnavailable
from services.voice.speech.arriving import FIRST_SOUND_S
from services.voice.speech.ports import SpeakerTraits, SpeechRefused, SpeechUnavailable, Voiced
from services.voice.speech.standing import Standing
from shared.task_group import TaskSet


class SpeechSocket(Protocol):
    """One connection, and the sentences whose audio it still owes."""

    @property
    def takes_more(self) -> bool:
        """Whether another sentence may be begun here."""
        ...

    async def begin(self, text: str) -> Voiced:
        """Send one sentence. Raises SpeechUnavailable when the socket has just gone."""
        ...

    async def receive(self) -> None:
        """Give each sentence its audio until the socket ends."""
        ...

    async def stop(self) -> None:
        """Drop what is owed."""
        ...

    def retire(self) -> None:
        """Take nothing new; end when what is owed has come."""
        ...

    async def close(self) -> None:
        """End it now, politely."""
        ...


Connect = Callable[[], Awaitable[SpeechSocket]]
"""A new, open socket. Raises SocketRefused or SocketUnavailable."""


class SocketSpeaker:
    """`Speaker` over such sockets: opened before they are needed, replaced before the vendor ends them."""

    def __init__(self, name: str, traits: SpeakerTraits, connect: Connect, standing: Standing) -> None:
        self.name = name
        self.traits = traits
        self._connect = connect
        self._standing = standing
        self._present: SpeechSocket | None = None
        self._opening: asyncio.Task[SpeechUnavailable | None] | None = None
        self._tasks = TaskSet("speech")

    def prepare(self) -> None:
        if self._opening is None and not self._takes_more:
            self._opening = self._tasks.start(self._open(), "speech-open")

    @property
    def _takes_more(self) -> bool:
        return self._present is not None and self._present.takes_more

    async def begin(self, text: str) -> Voiced:
        self.prepare()
        if self._opening is not None:
            try:
                async with asyncio.timeout(FIRST_SOUND_S):
                    problem = await asyncio.shield(self._opening)
            except TimeoutError:
                self._standing.failed(Result.TIMEOUT)
                problem = SpeechUnavailable("no speech socket in time")
            if problem is not None:
                raise problem
        if self._present is None or not self._present.takes_more:
            raise SpeechUnavailable("the speech socket was closed")
        return await self._present.begin(text)

    async def _open(self) -> SpeechUnavailable | None:
        """Put a new socket in the place of the present one; what is wrong when that is not possible."""
        try:
            socket = await self._connect()
        except SocketRefused as error:
            self._standing.shunned(for_good=True)
            return SpeechRefused(error.detail)
        except SocketUnavailable as error:
            self._standing.shunned(for_good=False)
            return SpeechUnavailable(error.detail)
        finally:
            self._opening = None
        if self._present is not None:
            self._present.retire()
        self._present = socket
        self._tasks.start(socket.receive(), "speech-receive")
        return None

    async def stop(self) -> None:
        if self._present is not None:
            await self._present.stop()

    async def close(self) -> None:
        if self._present is not None:
            await self._present.close()
        await self._tasks.close()
