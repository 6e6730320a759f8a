"""Sockets opened on a guess: the call that comes takes them, and nobody's are closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from lab.deepgram.app import make_app
from lab.deepgram.faults import Faults, ListenFaults
from lab.deepgram.settings import Settings
from lab.deepgram.state import Deepgram
from services.voice.deepgram_socket import Capability, DeepgramSockets, SocketUnavailable
from services.voice.hearing.recognisers import recogniser_for
from services.voice.hearing.sockets_ahead import SocketsAhead
from shared.contracts.agents import HearingOptions
from shared.settings import DeepgramSettings
from tests.serving import serving
from tests.waiting import wait_for_async

OURS, ANOTHER = (
    recogniser_for(DeepgramSettings(deepgram_api_key="lab"), HearingOptions(), "en", name)
    for name in ("Fernway", "Acme")
)


@asynccontextmanager
async def sockets_ahead(
    kept_s: float = 5.0, faults: Faults | None = None
) -> AsyncIterator[tuple[SocketsAhead, Deepgram]]:
    lab = Deepgram(Settings(), faults)
    async with serving(make_app(lab)) as address:
        ahead = SocketsAhead(DeepgramSockets(address, "lab"), kept_s)
        yield ahead, lab
        await ahead.close()


async def opened(lab: Deepgram, count: int) -> None:
    async def look() -> bool:
        return lab.counts["listen_opened"] == count

    await wait_for_async(look, 3, f"{count} sockets")


async def none_open(lab: Deepgram) -> None:
    async def look() -> bool:
        return not any(lab.open_sockets().values())

    await wait_for_async(look, 3, "no socket to be open")


async def test_the_call_takes_the_socket_that_was_opened_before_it_was_admitted() -> None:
    async with sockets_ahead() as (ahead, lab):
        ahead.will_need(OURS.path, OURS.query, Capability.HEARING)
        ahead.begin()
        await opened(lab, 1)
        for expected in (1, 2):  # the second call was not announced
            socket = await ahead.open(OURS.path, OURS.query, Capability.HEARING)
            assert lab.counts["listen_opened"] == expected
            await socket.close()


async def test_a_socket_that_nobody_takes_is_closed() -> None:
    async with sockets_ahead(kept_s=0.2) as (ahead, lab):
        ahead.will_need(OURS.path, OURS.query, Capability.HEARING)
        ahead.begin()
        await opened(lab, 1)
        socket = await ahead.open(ANOTHER.path, ANOTHER.query, Capability.HEARING)
        assert lab.counts["listen_opened"] == 2
        await socket.close()
        await none_open(lab)


async def test_at_the_end_nothing_stays_open() -> None:
    async with sockets_ahead() as (ahead, lab):
        ahead.will_need(OURS.path, OURS.query, Capability.HEARING)
        ahead.begin()
        await opened(lab, 1)
        await ahead.close()
        await none_open(lab)


async def test_without_agreement_nothing_is_guessed() -> None:
    async with sockets_ahead() as (ahead, lab):
        ahead.begin()
        ahead.will_need(OURS.path, OURS.query, Capability.HEARING)
        ahead.will_need(ANOTHER.path, ANOTHER.query, Capability.HEARING)
        ahead.begin()
        await asyncio.sleep(0)
        socket = await ahead.open(OURS.path, OURS.query, Capability.HEARING)
        assert lab.counts["listen_opened"] == 1
        await socket.close()


async def test_a_vendor_that_refuses_ahead_is_the_calls_business_and_nobody_elses() -> None:
    async with sockets_ahead(0.2, Faults(listen=ListenFaults(refuse=503, sockets=2))) as (ahead, lab):
        ahead.will_need(OURS.path, OURS.query, Capability.HEARING)
        ahead.begin()
        ahead.begin()
        with pytest.raises(SocketUnavailable):
            await ahead.open(OURS.path, OURS.query, Capability.HEARING)
        await asyncio.sleep(0.3)  # the other is forgotten
        socket = await ahead.open(OURS.path, OURS.query, Capability.HEARING)
        assert lab.counts["listen_opened"] == 1
        await socket.close()
