"""Sentences that a person has recorded: played over both transports, and spoken when they cannot be had."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lab.speech.encoder import Speaker, encode
from lab.speech.wav import wav
from lab.twilio.records import CallRecord, Heard
from services.voice.speech.conversion import NotAudio
from services.voice.speech.recorded_sentences import public_address
from shared.contracts.relay import RelayOptions
from tests.serving import serving
from tests.voice_house import GREETING, Driven, VoiceHouse, voice_house

STUDIO = "studio.fernway.example"
"""Of no address but the one that `here` gives it."""


@asynccontextmanager
async def a_studio(status: int = 200) -> AsyncIterator[str]:
    """Serves the recording of the welcome, on this machine and as the studio's; its address."""

    async def sound(request: Request) -> Response:
        is_known = request.url.hostname in {STUDIO, "127.0.0.1"}
        audio = wav(encode(GREETING, Speaker.COLLEAGUE))
        return Response(audio, status if is_known else 421, media_type="audio/wav")

    async with serving(Starlette(routes=[Route("/welcome.wav", sound)])) as address:
        yield f"{address}/welcome.wav"


def greeted_with(url: str) -> dict[str, Any]:
    return {"recorded": [{"says": GREETING, "url": url}]}


def of_the_studio(url: str) -> str:
    return url.replace("127.0.0.1", STUDIO)


async def here(host: str) -> str:
    assert host == STUDIO
    return "127.0.0.1"


async def welcomed(house: VoiceHouse, until: str = "AI assistant") -> CallRecord:
    """The record of a call whose caller hears the greeting so far and hangs up."""
    caller = Driven()
    call = house.ring(caller)
    await caller.hears(until)
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, house.hung_up)
    assert call.record.problems == []
    greeting, *_ = await house.turns(call.record.sid)
    assert greeting.heard.startswith(GREETING)
    return call.record


def who_said_welcome(record: CallRecord) -> Speaker:
    (found,) = [event for event in record.events if isinstance(event, Heard) and event.text == GREETING]
    return Speaker(found.speaker)


async def test_over_media_streams_it_is_fetched_once_and_played(database_url: str, redis_url: str) -> None:
    async with (
        a_studio() as url,
        voice_house(database_url, redis_url, agent=greeted_with(of_the_studio(url))) as house,
    ):
        recorded = house.wiring._voices.recorded
        recorded._locate = here
        assert who_said_welcome(await welcomed(house)) is Speaker.ASSISTANT  # it was not here yet, or not allowed
        recorded._due.clear()
        async with asyncio.timeout(10):
            while not recorded._sounds.size:
                await welcomed(house)
        assert who_said_welcome(await welcomed(house)) is Speaker.COLLEAGUE


async def test_over_a_relay_session_twilio_plays_it(database_url: str, redis_url: str) -> None:
    async with (
        a_studio() as url,
        voice_house(database_url, redis_url, agent=greeted_with(url), relay=RelayOptions()) as house,
    ):
        assert who_said_welcome(await welcomed(house, until="How can I help?")) is Speaker.COLLEAGUE


async def test_one_that_cannot_be_had_is_spoken(database_url: str, redis_url: str) -> None:
    async with (
        a_studio(status=404) as url,
        voice_house(database_url, redis_url, agent=greeted_with(of_the_studio(url))) as house,
    ):
        house.wiring._voices.recorded._locate = here
        for _ in range(2):
            assert who_said_welcome(await welcomed(house)) is Speaker.ASSISTANT


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.8", "169.254.169.254", "::1", "fd00::1"])
async def test_our_own_network_is_not_asked(host: str) -> None:
    with pytest.raises(NotAudio):
        await public_address(host)


async def test_a_public_host_is_asked_at_the_address_that_was_judged() -> None:
    assert await public_address("93.184.215.14") == "93.184.215.14"
