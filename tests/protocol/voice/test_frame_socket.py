"""The socket under calls and providers, against another library's server: whole, in order, bounded, at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import cast

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK

from services.voice.deepgram_socket import LARGEST_MESSAGE, Capability, DeepgramSockets
from services.voice.frame_socket import MOST_UNSENT, MOST_WAITING, FrameSocket
from services.voice.provider_socket import SocketUnavailable
from tests.waiting import wait_for_async

Behaviour = Callable[[ServerConnection], Awaitable[None]]
FRAME = b"\xff" * 160


@asynccontextmanager
async def to(behaviour: Behaviour) -> AsyncIterator[FrameSocket]:
    """A socket to a server that behaves like this."""
    async with serve(behaviour, "127.0.0.1", 0, max_size=None, max_queue=4, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        socket = await DeepgramSockets(f"http://127.0.0.1:{port}", "key").open("/v1/listen", [], Capability.HEARING)
        try:
            yield socket
        finally:
            socket.transport.abort()


async def test_messages_come_whole_in_order_and_as_what_they_were() -> None:
    async def tell(connection: ServerConnection) -> None:
        await connection.send("text")
        await connection.send(b"bytes")
        await connection.send(["in ", "three ", "pieces"])
        await connection.send([b"a" * 70_000, b"b" * 70_000])
        await connection.close(1000)

    async with to(tell) as socket:
        assert await socket.recv() == "text"
        assert await socket.recv() == b"bytes"
        assert await socket.recv(decode=False) == b"in three pieces"
        assert await socket.recv() == b"a" * 70_000 + b"b" * 70_000
        with pytest.raises(ConnectionClosedOK):
            await socket.recv()


class HangsUp(asyncio.Protocol):
    """Takes a connection and breaks it off before or behind the request for an upgrade."""

    def __init__(self, *, at_once: bool, politely: bool) -> None:
        self._at_once, self._politely = at_once, politely

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._at_once:
            self._break()

    def data_received(self, _: bytes) -> None:
        self._break()

    def _break(self) -> None:
        if self._politely:
            self._transport.close()
        else:
            self._transport.abort()


@pytest.mark.parametrize("politely", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
async def test_a_server_that_hangs_up_before_the_handshake_is_an_outage(at_once: bool, politely: bool) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: HangsUp(at_once=at_once, politely=politely), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        for _ in range(20):
            with pytest.raises(SocketUnavailable):
                await DeepgramSockets(f"http://127.0.0.1:{port}", "key").open("/v1/listen", [], Capability.HEARING)


async def test_what_is_sent_arrives_and_goodbye_is_answered() -> None:
    heard: list[str | bytes] = []

    async def listen(connection: ServerConnection) -> None:
        async for message in connection:
            heard.append(message)  # noqa: PERF401  (what arrived counts even when the end does not)

    async with to(listen) as socket:
        assert socket.write(FRAME)
        await socket.send("a text")
        await socket.send(b'{"a":"text"}', text=True)
        await socket.close(1000, "done")

        async def all_heard() -> bool:
            return heard == [FRAME, "a text", '{"a":"text"}']

        await wait_for_async(all_heard, 2, "everything to arrive")
        assert not socket.write(FRAME)
        with pytest.raises(ConnectionClosed):
            await socket.send(FRAME)


async def test_why_a_connection_ended_is_known() -> None:
    async def refuse(connection: ServerConnection) -> None:
        await connection.close(1011, "NET-0001")

    async def vanish(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with to(refuse) as socket:
        with pytest.raises(ConnectionClosedError) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1011, "NET-0001")
    async with to(vanish) as socket:
        with pytest.raises(ConnectionClosedError) as closed:
            await socket.recv()
        assert closed.value.rcvd is None
        assert socket.closed_with == 1006


async def test_a_message_in_endless_pieces_ends_the_connection() -> None:
    codes: list[int | None] = []

    async def flood(connection: ServerConnection) -> None:
        piece = b"x" * 60_000
        with suppress(ConnectionClosed):
            await connection.send(piece for _ in range(LARGEST_MESSAGE // len(piece) * 3))
        await connection.wait_closed()
        codes.append(connection.close_code)

    async with to(flood) as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()

        async def told() -> bool:
            return codes == [1009]

        await wait_for_async(told, 3, "the server to be told why")


async def test_messages_are_delivered_as_they_come_until_one_was_the_last() -> None:
    async def count_up(connection: ServerConnection) -> None:
        for number in range(6):
            await connection.send(str(number))
        await connection.wait_closed()

    taken: list[bytes] = []

    def take(message: bytes, is_text: bool) -> bool:
        assert is_text
        taken.append(message)
        return message == b"3"

    async with to(count_up) as socket:
        assert await socket.recv() == "0"
        await socket.deliver(take)
        assert taken == [b"1", b"2", b"3"]
        assert await socket.recv() == "4"

        def break_down(message: bytes, _: bool) -> bool:
            raise ZeroDivisionError(message)

        with pytest.raises(ZeroDivisionError):
            await socket.deliver(break_down)


async def test_the_last_message_counts_even_when_the_connection_goes_with_it() -> None:
    async def stop_and_go(connection: ServerConnection) -> None:
        await connection.send("stop")
        connection.transport.abort()

    async with to(stop_and_go) as socket:
        await socket.deliver(lambda message, _: message == b"stop")
        with pytest.raises(ConnectionClosedError):
            await socket.deliver(lambda _, __: True)


async def test_what_nobody_takes_stops_the_reading_and_nothing_is_lost() -> None:
    sent = 0

    async def flood(connection: ServerConnection) -> None:
        nonlocal sent
        for sent in range(1, 5001):
            await connection.send(sent.to_bytes(2, "big") * 500)
        await connection.wait_closed()

    async with to(flood) as socket:

        async def stands_still() -> bool:
            before = sent
            await asyncio.sleep(0.05)
            return before == sent

        await wait_for_async(stands_still, 5, "the server to be held back")
        assert sent < 5000
        assert len(socket._waiting) < MOST_WAITING + 64  # what one read of the connection held at most
        for number in range(1, 5001):
            assert await socket.recv() == number.to_bytes(2, "big") * 500


async def test_one_who_does_not_read_holds_up_nobody_and_takes_no_memory() -> None:
    heard = 0
    go_on = asyncio.Event()
    late = 0

    async def listen(connection: ServerConnection) -> None:
        nonlocal heard
        async for message in connection:
            heard += len(message)

    async def read_late(connection: ServerConnection) -> None:
        nonlocal late
        await go_on.wait()
        async for message in connection:
            late += len(message)

    async with to(read_late) as slow, to(listen) as quick:
        refused = sent = 0
        while refused < 100:
            began = time.thread_time()
            if slow.write(b"\xff" * 8000):
                sent += 8000
            else:
                refused += 1
            assert time.thread_time() - began < 0.005
            assert quick.write(FRAME)
            await asyncio.sleep(0)
        assert slow.transport.get_write_buffer_size() < MOST_UNSENT + 8100
        waiting = asyncio.ensure_future(slow.send(b"the end"))
        await asyncio.sleep(0)
        assert not waiting.done()
        go_on.set()
        await asyncio.wait_for(waiting, 5)

        async def all_heard() -> bool:
            return late == sent + len(b"the end")

        await wait_for_async(all_heard, 5, "the late reader to have everything")
        await quick.close()
        assert heard >= 100 * len(FRAME)


async def test_a_paused_writer_learns_that_the_reader_is_gone() -> None:
    over = asyncio.Event()

    async def read_nothing(connection: ServerConnection) -> None:
        await over.wait()
        connection.transport.abort()

    async with to(read_nothing) as socket:
        while socket.write(b"\xff" * 8000):
            pass
        waiting = asyncio.ensure_future(socket.send(b"more"))
        await asyncio.sleep(0)
        socket.transport.abort()
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(waiting, 2)
        over.set()
