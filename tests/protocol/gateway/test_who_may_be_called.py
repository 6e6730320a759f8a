"""Consent, opt-outs, the clock of whoever is called, and what calls may cost: each refusal says what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from shared.contracts.calls import NextStep
from shared.contracts.conversations import Outcome
from shared.database.models import Call, OutboundCall
from tests.protocol.gateway.test_outbound_calls import CUSTOMER, Desk, a_desk

PERMISSIONS = "/api/v1/permissions"


async def note(desk: Desk, kind: str, number: str = CUSTOMER) -> Any:
    wish = {"number": number, "kind": kind, "evidence": "box 3 of the web form"}
    return await desk.client.post(PERMISSIONS, json=wish)


@pytest.fixture
async def strict(database_url: str, redis_url: str) -> AsyncIterator[Desk]:
    async with a_desk(database_url, redis_url, {}, outbound_consent="required") as desk:
        desk.line.talks = [desk.line.finishes(NextStep.HANG_UP, Outcome.ANSWERED)]
        yield desk


async def test_who_has_not_agreed_is_not_called(strict: Desk) -> None:
    refused = await strict.order()
    assert (refused.status_code, strict.calls()) == (422, [])
    assert "/permissions" in refused.json()["detail"]
    noted = await note(strict, "consent", "+1 (202) 555-0123")
    assert (noted.status_code, noted.json()["number"]) == (201, CUSTOMER)
    assert (await note(strict, "consent")).status_code == 200, "it is in force already"
    assert (await strict.order()).status_code == 201


async def test_who_asked_for_no_calls_is_not_called_whatever_they_agreed_to(strict: Desk) -> None:
    await note(strict, "consent")
    opted = (await note(strict, "opt_out")).json()
    refused = await strict.order()
    assert refused.status_code == 422
    assert "asked not to be called" in refused.json()["detail"]
    for _ in range(2):
        assert (await strict.client.delete(f"{PERMISSIONS}/{opted['id']}")).status_code == 204
    assert (await strict.order()).status_code == 201
    listed = (await strict.client.get(PERMISSIONS, params={"number": CUSTOMER, "kind": "opt_out"})).json()
    assert listed["total"] == 1
    assert listed["permissions"][0]["withdrawn_at"] is not None, "what held when can still be shown"


async def test_an_order_from_before_an_opt_out_is_not_placed_after_it(strict: Desk) -> None:
    await note(strict, "consent")
    assert (await strict.order()).status_code == 201
    async with strict.line.house.wiring.sessions.begin() as session:
        order = (await session.scalars(select(OutboundCall))).one()
        order.state, order.call_sid = "planned", None
    await note(strict, "opt_out")
    assert (await strict.order()).status_code == 422


async def test_nobody_is_called_at_night(database_url: str, redis_url: str) -> None:
    async with a_desk(database_url, redis_url, {}, outbound_hours="08:00-21:00") as desk:
        desk.line.talks = [desk.line.finishes(NextStep.HANG_UP, Outcome.ANSWERED)]
        now = datetime.now(UTC)
        night = now.replace(hour=4, minute=0) + timedelta(days=1)  # eleven or twelve in New York
        desk.line.house.clock.ahead = night - now
        refused = await desk.order()
        assert refused.status_code == 429
        assert "08:00 and 21:00" in refused.json()["detail"]
        desk.line.house.clock.ahead += timedelta(seconds=int(refused.headers["retry-after"]))
        assert (await desk.order()).status_code == 201


async def test_a_key_spends_no_more_in_a_day_than_it_may(database_url: str, redis_url: str) -> None:
    """A minute to the United States and its stream: 0.018; what a call that is over has cost takes its place."""
    limits = {"outbound_spend_per_day": Decimal("0.04"), "outbound_longest_s": 60}
    async with a_desk(database_url, redis_url, {}, **limits) as desk:
        desk.line.talks = [desk.line.stays]
        assert [(await desk.order(key=f"order-{place:04}")).status_code for place in range(3)] == [201, 201, 429]
        refused = await desk.order(key="order-0003")
        assert "the limit is 0.04" in refused.json()["detail"]
        async with desk.line.house.wiring.sessions.begin() as session:
            for call in await session.scalars(select(Call)):
                call.duration_seconds = 1
        assert (await desk.order(key="order-0004")).status_code == 201, "two calls that cost next to nothing"


async def test_without_a_price_a_limit_in_money_cannot_be_kept(database_url: str, redis_url: str) -> None:
    limits = {"outbound_spend_per_day": Decimal(100), "outbound_spend_currency": "EUR"}
    async with a_desk(database_url, redis_url, {}, **limits) as desk:
        refused = await desk.order()
        assert refused.status_code == 422
        assert "RATE_CARD_FILE" in refused.json()["detail"]
