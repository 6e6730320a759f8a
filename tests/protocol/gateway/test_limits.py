"""Limits on Twilio's webhooks: who hears what, what it costs, and what is never limited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from sqlalchemy import func, select

from shared.database.engine import async_sessions, make_async_engine
from shared.database.models import Agent, AgentNumber, Call, Conversation
from tests.gateway_house import (
    CALLER,
    OUR_NUMBER,
    House,
    call_form,
    form_headers,
    gateway,
    new_call_sid,
    settings_for,
    spoken,
    verbs,
)
from tests.tcp_proxy import before
from tests.waiting import wait_for_async

VOICE, AFTER, STATUS, FALLBACK = "/twilio/voice", "/twilio/voice/after", "/twilio/status", "/twilio/voice/fallback"
TAKEN, NOT_TAKEN = ["Connect", "Redirect"], ["Say", "Hangup"]


@asynccontextmanager
async def limited(database_url: str, redis_url: str, **limits: int) -> AsyncIterator[House]:
    """A gateway with these limits that waits for Redis as long as a busy machine needs."""
    named = {f"limit_{name}": value for name, value in limits.items()}
    settings = settings_for(database_url, redis_url, **named)
    engine = make_async_engine(settings, "test")
    async with async_sessions(engine).begin() as session:
        agent = Agent(name="German", company="Fernway", greeting="Hallo.", language="de")
        agent.numbers = [AgentNumber(number=OUR_NUMBER)]
        session.add(agent)
    await engine.dispose()
    async with gateway(settings) as house:
        house.wiring.limiter.redis_within_s = 5.0
        await wait_for_async(partial(known, house), 5, "the gateway to know its agent")
        yield house


async def known(house: House) -> bool:
    return house.wiring.agents.of(OUR_NUMBER) is not None


async def count(house: House, table: type[Any] = Call) -> int:
    async with house.wiring.sessions() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


def counted(kind: str) -> float:
    return REGISTRY.get_sample_value("callwright_limited_total", {"kind": kind}) or 0


async def test_who_calls_too_often_hears_so_and_leaves_no_rows(database_url: str, redis_url: str) -> None:
    before_it = counted("caller")
    async with limited(database_url, redis_url, calls_per_caller_per_minute=2) as house:
        calls = [new_call_sid() for _ in range(3)]
        answers = [await house.hook(VOICE, call_form(call_sid)) for call_sid in calls]
        assert [verbs(answer) for answer in answers] == [TAKEN, TAKEN, NOT_TAKEN]
        assert "in kurzer Zeit viele Anrufe von Ihrer Nummer" in spoken(answers[2])
        again = [await house.hook(VOICE, call_form(call_sid)) for call_sid in calls for _ in range(2)]
        assert [answer.content for answer in again] == [answer.content for answer in answers for _ in range(2)]
        assert (await count(house), await count(house, Conversation)) == (2, 2)
        assert (await house.hook(STATUS, call_form(calls[2], CallStatus="completed"))).status_code == 204
        assert await house.call(calls[2]) is None
        assert verbs(await house.hook(VOICE, call_form(new_call_sid(), From="+18005550177"))) == TAKEN
    assert counted("caller") == before_it + 3


async def test_twenty_calls_at_once_from_one_number_pass_as_usual(database_url: str, redis_url: str) -> None:
    async with limited(database_url, redis_url) as house:
        answers = await asyncio.gather(*(house.hook(VOICE, call_form(new_call_sid())) for _ in range(20)))
        assert [verbs(answer) for answer in answers] == [TAKEN] * 20


async def test_a_call_that_was_admitted_goes_on_whatever_its_number_does(database_url: str, redis_url: str) -> None:
    async with limited(database_url, redis_url, calls_per_caller_per_minute=1) as house:
        live = new_call_sid()
        assert verbs(await house.hook(VOICE, call_form(live))) == TAKEN
        assert verbs(await house.hook(VOICE, call_form(new_call_sid()))) == NOT_TAKEN
        for generation in (1, 2):
            lost = await house.hook(f"{AFTER}?generation={generation}", call_form(live, CallStatus="in-progress"))
            assert verbs(lost)[-1] == "Redirect"
        assert (await house.hook(STATUS, call_form(live, CallStatus="in-progress"))).status_code == 204


@pytest.mark.parametrize("withheld", ["anonymous", "+266696687", ""])
async def test_who_withholds_the_number_is_not_one_caller(database_url: str, redis_url: str, withheld: str) -> None:
    async with limited(database_url, redis_url, calls_per_caller_per_minute=1, calls_per_number_per_minute=3) as house:
        answers = [await house.hook(VOICE, call_form(new_call_sid(), From=withheld)) for _ in range(4)]
        assert [verbs(answer) for answer in answers] == [TAKEN] * 3 + [NOT_TAKEN]
        assert "Leitungen" in spoken(answers[3])


async def test_all_numbers_together_have_a_limit(database_url: str, redis_url: str) -> None:
    async with limited(database_url, redis_url, calls_per_minute=2) as house:
        callers = [f"+1800555010{last}" for last in range(4)]
        answers = [await house.hook(VOICE, call_form(new_call_sid(), From=caller)) for caller in callers]
        assert [verbs(answer) for answer in answers] == [TAKEN] * 2 + [NOT_TAKEN] * 2


async def test_a_flood_is_answered_with_what_twilio_repeats_and_strangers_cannot_make_one(
    database_url: str, redis_url: str
) -> None:
    async with limited(database_url, redis_url, webhooks_per_minute=100) as house:
        form = call_form(new_call_sid())
        assert verbs(await house.hook(VOICE, form)) == TAKEN
        for _ in range(120):
            stranger = await house.http.post(STATUS, data=form, headers={"x-twilio-signature": "forged"})
            assert stranger.status_code == 403
        bad = "/twilio/recording"
        statuses = [(await house.hook(bad, form)).status_code for _ in range(130)]
        assert statuses[:99] == [204] * 99
        assert statuses[99:].count(503) > 15
        # a token comes back every 0.6 s: of several at once not all are taken
        told = await asyncio.gather(*(house.hook(STATUS, form) for _ in range(8)))
        refused = next(answer for answer in told if answer.status_code == 503)
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["content-type"] == "application/problem+json"
        answers = await asyncio.gather(*(house.hook(VOICE, form) for _ in range(8)))
        assert NOT_TAKEN in [verbs(answer) for answer in answers]
        assert (await house.hook(FALLBACK, form)).status_code == 200


async def test_no_number_stands_in_redis(database_url: str, redis_url: str) -> None:
    async with limited(database_url, redis_url) as house, Redis.from_url(redis_url) as redis:
        assert verbs(await house.hook(VOICE, call_form(new_call_sid()))) == TAKEN
        names = [str(name) for name in await redis.keys("{callwright:limits}:*")]
        assert len(names) == 5
        assert not [name for name in names for number in (CALLER, OUR_NUMBER) if number[1:] in name]


async def test_without_redis_calls_are_taken_and_limited_here(database_url: str, redis_url: str) -> None:
    async with before(redis_url) as (proxy, url), limited(database_url, url, calls_per_caller_per_minute=2) as house:
        proxy.cut()
        calls = [new_call_sid() for _ in range(3)]
        answers = [await house.hook(VOICE, call_form(call_sid)) for call_sid in calls]
        assert [verbs(answer) for answer in answers] == [TAKEN, TAKEN, NOT_TAKEN]
        repeat = await house.hook(VOICE, call_form(calls[0]))
        assert repeat.content == answers[0].content


async def test_a_signed_webhook_that_is_sent_again_changes_nothing(house: House) -> None:
    await house.agent(OUR_NUMBER)
    call_sid = new_call_sid()
    recording = {
        "RecordingSid": "RE" + "1" * 32,
        "RecordingStatus": "completed",
        "RecordingUrl": "https://api.twilio.com/recording",
        "RecordingDuration": "7",
    }
    sent = [
        (VOICE, call_form(call_sid)),
        (f"{AFTER}?generation=1", call_form(call_sid, CallStatus="in-progress")),
        ("/twilio/recording", call_form(call_sid, CallStatus="in-progress", **recording)),
        (STATUS, call_form(call_sid, CallStatus="completed", CallDuration="9")),
    ]
    for path, form in sent:
        assert (await house.hook(path, form)).status_code < 300
    stored = await everything(house)
    for _ in range(3):
        for path, form in sent:
            assert (await house.hook(path, form)).status_code < 300
    assert await everything(house) == stored
    tampered = call_form(call_sid, CallStatus="completed", CallDuration="99")
    headers = form_headers("https://support.example.com" + STATUS, sent[-1][1])
    assert (await house.http.post(STATUS, data=tampered, headers=headers)).status_code == 403


async def everything(house: House) -> dict[str, list[Any]]:
    """Every row of every table but the times at which one was last touched."""
    async with house.wiring.sessions() as session:
        found = {}
        for table in Call.metadata.sorted_tables:
            rows = (await session.execute(select(table))).mappings().all()
            kept = [{name: value for name, value in row.items() if name != "updated_at"} for row in rows]
            found[table.name] = sorted(kept, key=repr)
        return found
