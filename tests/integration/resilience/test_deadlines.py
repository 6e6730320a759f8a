"""A room that hangs: each kind of silence has its end, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from shared.clients.rooms import RoomClient
from shared.clock import SystemClock
from shared.errors import Transient
from shared.resilience.breaker import Breaker
from shared.resilience.circuit import Rules
from shared.security.purpose_tokens import TokenSigner
from tests.gateway_house import SIGNING_KEY

DEADLINE_S = 0.4
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


async def hangs(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Takes the request and says nothing."""
    await reader.read()


async def trickles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers a byte at a time, each well within any limit between two of them."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"x")
        await asyncio.sleep(0.05)


async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers at once."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")


@asynccontextmanager
async def a_room(
    serve: Serve | None, breaker: Breaker | None = None, deadline_s: float = DEADLINE_S
) -> AsyncIterator[RoomClient]:
    """A client of a room that behaves so; None listens and never accepts."""
    serving: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(task := asyncio.ensure_future((serve or hangs)(reader, writer)))
        task.add_done_callback(lambda _: writer.close())

    server = await asyncio.start_server(connected, "127.0.0.1", 0, backlog=100, start_serving=serve is not None)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    signer, clock = TokenSigner(SIGNING_KEY), SystemClock()
    async with RoomClient(address, "knowledge", "test", signer, clock, deadline_s, breaker) as client:
        yield client
    server.close()
    for task in serving:
        task.cancel()
    await asyncio.gather(*serving, return_exceptions=True)
    await asyncio.sleep(0)  # for the transports to be closed


@pytest.mark.parametrize("serve", [None, hangs, trickles], ids=["connect", "first byte", "whole answer"])
async def test_every_kind_of_silence_ends(serve: Serve | None) -> None:
    async with a_room(serve) as client:
        began = time.monotonic()
        with pytest.raises(Transient):
            await client.ask("GET", "/anything")
        assert time.monotonic() - began < DEADLINE_S + 1


async def test_fifty_callers_of_a_room_that_hangs_hold_up_nobody() -> None:
    breaker = Breaker("knowledge", SystemClock(), Rules(rest_s=30))
    async with a_room(hangs, breaker, deadline_s=2) as hung, a_room(answers) as well:
        asking = [asyncio.ensure_future(hung.ask("GET", "/search")) for _ in range(50)]
        await asyncio.sleep(0)
        assert (await well.ask("GET", "/search")).status_code == 200
        assert not any(one.done() for one in asking)  # answered while they all wait
        ends = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(end, Transient) for end in ends)
        with pytest.raises(Transient, match="not being tried"):
            await hung.ask("GET", "/search")  # the next one is not made to wait at all
