"""A recorded call: the assistant says so, the caller hears it, and only then is Twilio asked to record."""

from __future__ import annotations

from dataclasses import replace

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from lab.twilio.app import make_app as make_twilio
from lab.twilio.settings import PhoneNumber
from shared.database.models import Recording
from tests.gateway_house import served_gateway
from tests.gateway_house import settings_for as gateway_settings
from tests.serving import serving
from tests.voice_house import OUR_NUMBER, PUBLIC, VOICE, Driven, voice_house
from tests.waiting import wait_for_async


async def test_a_call_is_recorded_from_the_moment_its_caller_knows(database_url: str, redis_url: str) -> None:
    twilio: list[Starlette] = []

    async def rest(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await twilio[0](scope, receive, send)

    async with (
        voice_house(database_url, redis_url, agent={"records_calls": True}) as house,
        serving(rest) as api_url,
        served_gateway(gateway_settings(database_url, redis_url, voice_public_url=VOICE, twilio_api_url=api_url)) as (
            gateway,
            address,
        ),
    ):
        number = PhoneNumber(voice_url=f"{PUBLIC}/twilio/voice", status_callback=f"{PUBLIC}/twilio/status")
        origins = {PUBLIC: address, VOICE: house.address}
        house.network.settings = replace(house.network.settings, numbers={OUR_NUMBER: number}, origins=origins)
        twilio.append(make_twilio(house.network))
        caller = Driven()
        call = house.network.call_in("+12025550123", caller)
        await caller.hears("I am an AI assistant.")
        assert call.record.recordings == []
        await wait_for_async(lambda: _truth(call.record.recordings), 10, "the recording to begin")
        assert "This call is recorded." in caller.heard
        caller.hang_up()
        await call.over.wait()

        async def completed() -> bool:
            async with gateway.wiring.sessions() as session:
                kept = await session.get(Recording, call.record.recordings[0].sid)
                return kept is not None and kept.status == "completed"

        await wait_for_async(completed, 5, "the recording to be ready")
        assert [one.source for one in call.record.recordings] == ["StartCallRecordingAPI"]


async def _truth(value: object) -> bool:
    return bool(value)
