"""A connection that can be taken away: everything goes through until `cut` or `freeze`, nothing until `mend`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit


class TcpProxy:
    """Stands before one server."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._away = False
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.port = 0

    def aim(self, url: str) -> None:
        """Where new connections go from now on."""
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)

    def cut(self) -> None:
        """Break every connection, and accept none until `mend`."""
        self._away = True
        for writer in list(self._open):
            writer.transport.abort()

    def freeze(self) -> None:
        """Accept connections and carry nothing, as before a server that is stopped, until `mend`."""
        self._flowing.clear()

    def mend(self) -> None:
        """Let connections through again."""
        self._away = False
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._away:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            there_reader, there_writer = await asyncio.open_connection(*self._target)
        except ConnectionError:
            writer.transport.abort()
            return
        ends = {writer, there_writer}
        self._open |= ends
        try:
            await asyncio.gather(self._copy(reader, there_writer), self._copy(there_reader, writer))
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen while the block runs."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            self.cut()
            self._flowing.set()
            server.close()
            if self._serving:
                await asyncio.wait(self._serving)


@asynccontextmanager
async def before(url: str) -> AsyncIterator[tuple[TcpProxy, str]]:
    """A proxy before the server of this address, and the address that goes through it."""
    parts = urlsplit(url)
    proxy = TcpProxy(parts.hostname or "", parts.port or 0)
    async with proxy.running():
        login = parts.netloc.rpartition("@")[0]
        yield proxy, urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{proxy.port}"))
