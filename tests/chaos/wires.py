"""Wires that can be cut and slowed: TCP before one server, or before several that share the calls."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import cast

Place = tuple[str, int]


class Wire:
    """Listens at one port and carries each connection to one of its servers, in turn, past those that refuse."""

    def __init__(self, name: str, servers: Iterable[Place]) -> None:
        self.name = name
        self.delay_s = 0.0
        """How much later than it came each piece of data goes on."""
        self.is_cut = False
        self._servers = list(servers)
        self._left_out: set[Place] = set()
        self._turn = 0
        self._ends: set[_End] = set()
        self._none_left = asyncio.Event()
        self._none_left.set()
        self._connecting: set[asyncio.Task[None]] = set()

    def drop(self) -> None:
        """Break every connection."""
        for end in list(self._ends):
            end.break_off()

    def cut(self) -> None:
        """Break every connection, and let nobody through until `mend`."""
        self.is_cut = True
        self.drop()

    def mend(self) -> None:
        """As good as new."""
        self.is_cut, self.delay_s = False, 0.0

    def leave_out(self, server: Place) -> None:
        """Give this server no new connection: it is leaving, and says so to whoever balances."""
        self._left_out.add(server)

    def take_back(self, server: Place) -> None:
        """It is ready again."""
        self._left_out.discard(server)

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[None]:
        """Carry connections while the block runs."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _End(self), "127.0.0.1", port)
        try:
            yield
        finally:
            server.close()
            self.cut()
            for task in list(self._connecting):
                task.cancel()
            await self._none_left.wait()

    def added(self, end: _End) -> None:
        """A connection came in."""
        self._hold(end)
        if self.is_cut:
            end.break_off()
            return
        task = asyncio.ensure_future(self._connect(end))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, end: _End) -> None:
        loop = asyncio.get_running_loop()
        first = self._turn
        self._turn += 1
        for further in range(len(self._servers)):
            # counted from this connection's own turn: others are given theirs while a server refuses this one
            server = self._servers[(first + further) % len(self._servers)]
            if server in self._left_out and len(self._left_out) < len(self._servers):
                continue
            try:
                _, other = await loop.create_connection(lambda: _End(self, end), *server)
            except OSError:
                continue
            self._hold(other)
            if end.is_closed or self.is_cut:
                other.break_off()
                break
            return
        end.break_off()

    def gone(self, end: _End) -> None:
        """One end of a connection is closed."""
        self._ends.discard(end)
        if not self._ends:
            self._none_left.set()

    def _hold(self, end: _End) -> None:
        self._ends.add(end)
        self._none_left.clear()


class _End(asyncio.Protocol):
    """One end of a connection: what comes in here goes out at its peer."""

    def __init__(self, wire: Wire, peer: _End | None = None) -> None:
        self._wire = wire
        self._peer = peer
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        """What came before the server was found."""
        self._late: deque[tuple[float, bytes]] = deque()
        self.is_closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._peer is None:
            self._wire.added(self)
            return
        self._peer._peer = self
        early, self._peer._early = self._peer._early, []
        for data in early:
            self.send(data)

    def data_received(self, data: bytes) -> None:
        if self._peer is not None:
            self._peer.send(data)
        else:
            self._early.append(data)

    def send(self, data: bytes) -> None:
        """Pass it on, now or later."""
        if self._transport is None or self.is_closed:
            return
        if self._wire.delay_s == 0 and not self._late:
            self._transport.write(data)
            return
        loop = asyncio.get_running_loop()
        self._late.append((loop.time() + self._wire.delay_s, data))
        if len(self._late) == 1:
            loop.call_at(self._late[0][0], self._send_late)

    def _send_late(self) -> None:
        loop = asyncio.get_running_loop()
        while self._late and self._late[0][0] <= loop.time() + 0.001:
            _, data = self._late.popleft()
            if self._transport is not None and not self.is_closed:
                self._transport.write(data)
        if self._late:
            loop.call_at(self._late[0][0], self._send_late)

    def pause_writing(self) -> None:
        if self._peer is not None and self._peer._transport is not None and not self._peer.is_closed:
            self._peer._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._peer is not None and self._peer._transport is not None and not self._peer.is_closed:
            self._peer._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True
        self._wire.gone(self)
        if self._peer is not None and not self._peer.is_closed and self._peer._transport is not None:
            if exc is None and not self._peer._late:
                self._peer._transport.close()
            else:
                self._peer._transport.abort()

    def break_off(self) -> None:
        """As a network does: no goodbye."""
        if self._transport is not None and not self.is_closed:
            self._transport.abort()
