"""The API while PostgreSQL stands still: 503 with Retry-After, soon, and nothing half done; and whom calls are for."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import Depends, FastAPI
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy import func, select, text

from services.gateway.auth import key_ring
from services.gateway.webhooks import known_agents
from shared.database.engine import async_sessions, make_async_engine
from shared.database.models import OutboundCall
from shared.database.transactions import transaction
from shared.security.api_keys import Scope
from shared.settings import DatabaseSettings
from shared.web.app import make_app
from shared.web.guards import Public
from tests.gateway_house import OUR_NUMBER, call_form, gateway, new_call_sid, settings_for, spoken, verbs
from tests.tcp_proxy import before
from tests.waiting import wait_for_async


async def test_whoever_asks_is_told_to_come_again(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_ring, "LOOK_UP_WITHIN_S", 0.5)
    async with before(database_url) as (database, through), gateway(settings_for(through, redis_url)) as house:
        agent_id = await house.agent(OUR_NUMBER)
        client = await house.client(Scope.CALLS_READ, Scope.CALLS_START)
        database.freeze()
        took = []
        for _ in range(5):
            began = time.monotonic()
            answer = await client.get("/api/v1/calls")
            took.append(time.monotonic() - began)
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
            assert int(answer.headers["retry-after"]) > 0
        assert took[0] < 2
        assert took[4] < 0.5, "three failures are enough to know"
        order = {
            "agent_id": str(agent_id),
            "to": "+12025550142",
            "initial_message": "Your router has arrived.",
            "idempotency_key": "order-one",
        }
        began = time.monotonic()
        report = (await house.http.get("/health/dependencies")).json()
        assert (report["database"]["ok"], time.monotonic() - began < 4) == (False, True), "the report does not hang"
        refused = await client.post("/api/v1/calls/outbound", json=order)
        assert refused.status_code == 503
        database.mend()

        async def answers() -> bool:
            return (await client.get("/api/v1/calls")).status_code == 200

        await wait_for_async(answers, 10, "the API to answer again")
        async with house.wiring.sessions() as session:
            assert await session.scalar(select(func.count()).select_from(OutboundCall)) == 0, "refused is not ordered"


@asynccontextmanager
async def an_app(database_url: str, answer_within_s: float) -> AsyncIterator[httpx.AsyncClient]:
    """A route that asks the database, in an app with this deadline."""
    engine = make_async_engine(DatabaseSettings(database_url=SecretStr(database_url)), "test")
    sessions = async_sessions(engine)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.dispose()

    app = make_app("test", lifespan, answer_within_s=answer_within_s, answers_within_s={"/patient": 30})

    @app.post("/{how}", dependencies=[Depends(Public("a test"))])
    @app.get("/{how}", dependencies=[Depends(Public("a test"))])
    async def ask(how: str) -> dict[str, str]:
        async with transaction(sessions) as session:
            await session.execute(text("SELECT 1"))
        return {"asked": how}

    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test.internal") as client,
    ):
        yield client


async def test_a_route_that_waits_for_a_frozen_database_is_answered(database_url: str) -> None:
    async with before(database_url) as (database, through), an_app(through, 0.3) as client:
        assert (await client.get("/soon")).json() == {"asked": "soon"}
        database.freeze()
        began = time.monotonic()
        answer = await client.get("/soon")
        assert time.monotonic() - began < 1.5
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["title"] == "Temporarily unavailable"
        assert (await client.post("/soon")).status_code == 504, "nobody knows whether it was done"
        assert answer.headers["x-content-type-options"] == "nosniff", "with the headers of every answer"
        database.mend()

        async def answers() -> bool:
            return (await client.get("/soon")).status_code == 200

        await wait_for_async(answers, 10, "the route to answer again")


async def test_a_gateway_that_starts_during_an_outage_knows_its_agents(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_agents, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(known_agents, "LOOK_AGAIN_S", 0.1)
    async with gateway(settings_for(database_url, redis_url)) as house:
        await house.agent(OUR_NUMBER, transfer_number="+18005550199", when_full=["voicemail"], takes_messages=True)
        await house.agent("+18005550102")

        async def knows() -> bool:
            return house.wiring.agents.of(OUR_NUMBER) is not None

        await wait_for_async(knows, 5, "the gateway to know its agents")
    nowhere = "postgresql://nobody:x@127.0.0.1:9/none"
    async with gateway(settings_for(nowhere, redis_url)) as late:

        async def has_heard() -> bool:
            return late.wiring.agents.of(OUR_NUMBER) is not None

        await wait_for_async(has_heard, 5, "the copy to be read")
        agent = late.wiring.agents.of(OUR_NUMBER)
        assert agent is not None
        assert (agent.transfer_number, agent.when_full, agent.takes_messages) == ("+18005550199", ["voicemail"], True)
        assert verbs(await late.hook("/twilio/voice", call_form(new_call_sid()))) == ["Connect", "Redirect"]
    async with Redis.from_url(redis_url) as redis:
        assert 0 < await redis.ttl(known_agents.COPY) <= known_agents.COPY_COUNTS_S
        await redis.set(known_agents.COPY, b'{"agents": "of another version"}')
    async with gateway(settings_for(nowhere, redis_url)) as last:
        assert "technical problem" in spoken(await last.hook("/twilio/voice", call_form(new_call_sid())))
