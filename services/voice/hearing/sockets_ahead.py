"""Opens a socket before it is known for certain which one will be needed, while a call is still being admitted.

Calls that follow each other mostly go to the same agent, so a process guesses that the next one needs what the last
ones needed. A wrong guess costs the vendor a handshake and the caller nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from services.voice.deepgram_socket import Capability, SocketRefused, SocketUnavailable
from services.voice.frame_socket import FrameSocket
from shared.task_group import TaskSet

KEPT_S: Final = 5.0
"""How long an open socket waits for its call; the vendor closes one without audio after 10 s."""
AGREEING: Final = 2
"""So many needs in a row must have been the same before the next is guessed from them."""

Query = tuple[tuple[str, str], ...]


class Opens(Protocol):
    """Opens sockets to a provider."""

    async def open(self, path: str, query: Sequence[tuple[str, str]], capability: Capability) -> FrameSocket:
        """An open socket. Raises SocketRefused or SocketUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class _Need:
    path: str
    query: Query
    capability: Capability


class SocketsAhead:
    """`Opens`, with a guess at the next socket."""

    def __init__(self, sockets: Opens, kept_s: float = KEPT_S) -> None:
        self._sockets = sockets
        self._kept_s = kept_s
        self._needs: deque[_Need] = deque(maxlen=AGREEING)
        self._waiting: dict[_Need, deque[asyncio.Task[FrameSocket]]] = {}
        self._tasks = TaskSet("sockets-ahead")

    def will_need(self, path: str, query: Query, capability: Capability) -> None:
        """Somebody may soon need such a socket: a hint for the guess, nothing is opened."""
        self._needs.append(_Need(path, query, capability))

    def begin(self) -> None:
        """A call is coming in: open what it will probably need. Never waits."""
        if not self._needs or len(set(self._needs)) > 1:
            return
        need = self._needs[-1]
        opening = asyncio.ensure_future(self._sockets.open(need.path, need.query, need.capability))
        self._waiting.setdefault(need, deque()).append(opening)
        self._tasks.start(self._forget_later(need, opening), "socket-not-needed")

    async def open(self, path: str, query: Sequence[tuple[str, str]], capability: Capability) -> FrameSocket:
        need = _Need(path, tuple(query), capability)
        self._needs.append(need)
        waiting = self._waiting.get(need)
        if waiting:
            connection = await waiting.popleft()
            if connection.is_open:
                return connection
        return await self._sockets.open(path, query, capability)

    async def _forget_later(self, need: _Need, opening: asyncio.Task[FrameSocket]) -> None:
        try:
            await asyncio.sleep(self._kept_s)
        finally:
            if opening in (waiting := self._waiting.get(need, deque())):
                waiting.remove(opening)
                opening.cancel()
                with suppress(SocketRefused, SocketUnavailable, asyncio.CancelledError):
                    (await opening).transport.abort()

    async def close(self) -> None:
        """Drop what nobody took."""
        await self._tasks.close()
