"""Calls while Redis stands still or is gone: taken and ended, soon, and the process stops when it is told to."""

from __future__ import annotations

import asyncio
import time

import pytest

from shared.contracts.calls import CallStatus
from shared.security.api_keys import Scope
from tests.gateway_house import OUR_NUMBER, call_form, gateway, new_call_sid, settings_for, verbs
from tests.tcp_proxy import before
from tests.waiting import wait_for_async

FIRST_S = 4.0
"""What the first webhook may take that meets a frozen Redis: each of those who ask it has a deadline."""
THEN_S = 1.0
STOPS_S = 5.0


@pytest.mark.parametrize("frozen", [False, True], ids=["gone", "frozen"])
async def test_a_call_comes_and_ends_while_redis_is_away(database_url: str, redis_url: str, *, frozen: bool) -> None:
    async with before(redis_url) as (redis, through), gateway(settings_for(database_url, through)) as house:
        await house.agent(OUR_NUMBER)
        client = await house.client(Scope.OPERATIONS_READ, Scope.CALLS_READ)
        assert (await client.get("/api/v1/degradation")).status_code == 200
        (redis.freeze if frozen else redis.cut)()
        took = []
        for _ in range(3):
            call_sid, began = new_call_sid(), time.monotonic()
            assert verbs(await house.hook("/twilio/voice", call_form(call_sid))) == ["Connect", "Redirect"]
            took.append(time.monotonic() - began)
        assert took[0] < FIRST_S, took
        assert max(took[1:]) < THEN_S, took
        ended = call_form(call_sid, CallStatus="completed", CallDuration="42")
        assert (await house.hook("/twilio/status", ended)).status_code == 204
        call = await house.call(call_sid)
        assert call is not None
        assert call.status == CallStatus.COMPLETED
        began = time.monotonic()
        answer = await client.get("/api/v1/degradation")
        assert (answer.status_code, time.monotonic() - began < FIRST_S) == (503, True)
        assert answer.headers["retry-after"]
        assert (await client.get("/api/v1/calls")).status_code == 200
        redis.mend()

        async def knows_slots() -> bool:
            return house.wiring.admission.standing is not None

        await wait_for_async(knows_slots, 5, "the gateway to hear of Redis again")
        assert (await client.get("/api/v1/degradation")).status_code == 200


async def test_a_gateway_stops_while_redis_is_frozen(database_url: str, redis_url: str) -> None:
    async with before(redis_url) as (redis, through):
        async with gateway(settings_for(database_url, through)):
            redis.freeze()
            await asyncio.sleep(0)
            began = time.monotonic()
        assert time.monotonic() - began < STOPS_S
