"""A wire before several servers finds the one that lives, however many connections come at once."""

from __future__ import annotations

import asyncio
import socket

from tests.chaos.wires import Wire


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_connections_at_once_all_get_past_a_server_that_is_gone() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"here")
        await writer.drain()
        writer.close()

    alive = await asyncio.start_server(greet, "127.0.0.1", 0)
    there, port = alive.sockets[0].getsockname(), free_port()

    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            return await reader.read()
        except ConnectionError:
            return b"broken off"
        finally:
            writer.close()

    async with alive, Wire("gateway", [("127.0.0.1", free_port()), there]).listening(port):
        assert await asyncio.gather(*(ask() for _ in range(20))) == [b"here"] * 20
