"""The same seed makes the same calls and breaks the same things; stores and voice processes never at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from lab.stack.ports import free_ports
from tests.chaos.faults import AFTER_STORE_S, Fault, What
from tests.chaos.profiles import CALM, long, short
from tests.chaos.traffic import Kind, plan
from tests.chaos.wires import Wire
from tests.waiting import wait_for_async

SEEDS = st.integers(min_value=0, max_value=10**6)


@given(SEEDS)
def test_a_seed_repeats_its_faults_and_its_calls(seed: int) -> None:
    chaos = short(seed)
    assert chaos.faults == short(seed).faults
    assert plan(seed, chaos.mix) == plan(seed, chaos.mix)
    assert short(seed + 1).faults != chaos.faults


@given(SEEDS)
def test_faults_keep_to_their_time_and_kills_away_from_stores_that_are_out(seed: int) -> None:
    for chaos in (short(seed), long(seed, 2000)):
        faults = chaos.faults
        assert all(fault.at_s > 0 and fault.ends_s <= chaos.mix.seconds for fault in faults)
        stores = [fault for fault in faults if fault.target in ("postgres", "redis")]
        voices = [fault for fault in faults if fault.target.startswith("voice-")]
        for store in stores:
            assert not [one for one in voices if store.at_s - 1 <= one.at_s < store.ends_s + AFTER_STORE_S - 0.01]
    assert not [one for one in short(seed).faults if one.what is What.KILL and one.target in ("postgres", "redis")]


def test_the_long_run_has_enough_of_everything() -> None:
    chaos = long(1, 10_000)
    kinds = [one.kind for one in plan(1, chaos.mix)]
    assert len(kinds) == 10_000
    kills = [one for one in chaos.faults if one.what is What.KILL and one.target.startswith("voice-")]
    seconds = chaos.mix.seconds * (1 - CALM)
    # a live call lasts half a minute and more: so many are held by one of three processes when it is killed
    at_once = kinds.count(Kind.LIVE) / chaos.mix.seconds * 30 / chaos.size.voices
    assert len(kills) * at_once > 500
    assert {one.what for one in chaos.faults} == set(What)
    assert seconds < 2600


def test_callers_differ_so_that_no_call_repeats_another_ones_problem() -> None:
    orders = [one.order["inline"]["persona"] for one in plan(7, long(7, 10_000).mix)]
    assert len({persona["number"] for persona in orders}) == len(orders)


def test_a_fault_reads_as_a_line() -> None:
    fault = Fault(12.34, 3.0, What.SLOW, "redis", "40 ms")
    assert str(fault) == "+   12.3 s  slow redis (40 ms) for 3.0 s"


class Echo(asyncio.Protocol):
    """Sends back whatever comes."""

    open = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        Echo.open += 1

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def connection_lost(self, _: Exception | None) -> None:
        Echo.open -= 1


async def all_closed() -> bool:
    return Echo.open == 0


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def _is_broken(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read(1) == b""
    except ConnectionError:
        return True


async def test_a_wire_carries_cuts_slows_and_passes_by_servers_that_refuse() -> None:
    free, port = free_ports(2)
    wire = Wire("echo", [("127.0.0.1", 1), ("127.0.0.1", port)])
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port)
    async with server, wire.listening(free):
        async with connected(free) as (reader, writer):
            writer.write(b"early")
            assert await reader.readexactly(5) == b"early"
            wire.delay_s = 0.2
            began = asyncio.get_running_loop().time()
            for piece in (b"a", b"b", b"c"):
                writer.write(piece)
                await writer.drain()
            assert await reader.readexactly(3) == b"abc"
            assert asyncio.get_running_loop().time() - began >= 0.4  # there and back
            wire.cut()
            assert await _is_broken(reader)
        async with connected(free) as (reader, _):
            assert await _is_broken(reader)
        wire.mend()
        async with connected(free) as (reader, writer):
            writer.write(b"again")
            assert await reader.readexactly(5) == b"again"
    await wait_for_async(all_closed, 5, "the connections to be closed")
