"""Buckets in a real Redis and in a process's own memory keep the same promises; without Redis the second holds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest
from redis.asyncio import Redis

from shared.clock import SystemClock
from shared.limits.bucket import Bucket, Kind, Refusal
from shared.limits.limiter import AWAY_FOR_S, Limiter
from shared.limits.local_buckets import LocalBuckets
from shared.limits.shared_buckets import SharedBuckets
from tests.gateway_house import SetClock
from tests.tcp_proxy import before
from tests.waiting import wait_for_async

Draw = Callable[[Sequence[Bucket], str | None], Awaitable[Refusal | None]]
CALLER, EVERYBODY = Bucket(Kind.CALLER, "a", 2), Bucket(Kind.CALLS, "all", 5)
FLOOD = Bucket(Kind.WEBHOOKS, "all", 4, each_time=True)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture(params=["redis", "memory"])
def draw(request: pytest.FixtureRequest, redis: Redis) -> Draw:
    shared, here = SharedBuckets(redis), LocalBuckets(SystemClock())

    async def in_memory(buckets: Sequence[Bucket], once: str | None) -> Refusal | None:
        return here.draw(buckets, once)

    return shared.draw if request.param == "redis" else in_memory


def kind(refusal: Refusal | None) -> Kind | None:
    return refusal.kind if refusal is not None else None


async def test_as_many_as_fit_pass_however_many_come_at_once(draw: Draw) -> None:
    found = await asyncio.gather(*(draw([EVERYBODY], f"call {number}") for number in range(30)))
    refused = [refusal for refusal in found if refusal is not None]
    assert len(refused) == 25
    assert all(0 < refusal.retry_after_s <= 12 for refusal in refused)


async def test_a_refused_caller_uses_up_nothing_of_the_others(draw: Draw) -> None:
    found = [kind(await draw([CALLER, EVERYBODY], None)) for _ in range(10)]
    assert found == [None, None] + [Kind.CALLER] * 8
    other = Bucket(Kind.CALLER, "b", 3)
    assert [kind(await draw([other, EVERYBODY], None)) for _ in range(4)] == [None, None, None, Kind.CALLER]


async def test_a_repeat_hears_the_same_and_costs_nothing(draw: Draw) -> None:
    for once in ("first", "second"):
        assert [kind(await draw([CALLER, EVERYBODY], once)) for _ in range(5)] == [None] * 5
    assert [kind(await draw([CALLER, EVERYBODY], "third")) for _ in range(3)] == [Kind.CALLER] * 3
    other = Bucket(Kind.CALLER, "b", 60)
    assert [kind(await draw([other, EVERYBODY], None)) for _ in range(4)] == [None, None, None, Kind.CALLS]


async def test_a_flood_of_repeats_is_refused_and_no_answer_for_ever(draw: Draw) -> None:
    assert [kind(await draw([FLOOD, EVERYBODY], "one")) for _ in range(6)] == [None] * 4 + [Kind.WEBHOOKS] * 2
    assert kind(await draw([FLOOD, EVERYBODY], "other")) is Kind.WEBHOOKS
    calm = Bucket(Kind.WEBHOOKS, "calm", 100, each_time=True)
    assert kind(await draw([calm, EVERYBODY], "other")) is None


async def test_a_bucket_fills_on_the_clock_of_redis_and_is_gone_when_it_is_full(redis: Redis) -> None:
    buckets, fast = SharedBuckets(redis), Bucket(Kind.KEY, "a", 600)
    assert {await buckets.draw([fast]) for _ in range(600)} >= {None}

    async def passes() -> bool:
        return await buckets.draw([fast]) is None

    await wait_for_async(passes, 3, "a token to flow in")
    await buckets.draw([EVERYBODY], "a call")
    lives = {str(name): await redis.pttl(name) for name in await redis.keys("*")}
    assert len(lives) == 3
    assert all(0 < life <= (3_600_000 if ":once:" in name else 61_000) for name, life in lives.items()), lives


async def test_without_redis_this_process_limits_alone_and_nobody_waits_long(redis_url: str) -> None:
    clock = SetClock()
    async with before(redis_url) as (proxy, url), Redis.from_url(url, socket_timeout=30) as through:
        limiter = Limiter(SharedBuckets(through), clock)
        limiter.redis_within_s = 5.0
        assert [kind(await limiter.ask([CALLER])) for _ in range(3)] == [None, None, Kind.CALLER]
        limiter.redis_within_s = 0.05
        proxy.freeze()
        began = time.monotonic()
        assert [kind(await limiter.ask([CALLER])) for _ in range(3)] == [None, None, Kind.CALLER]
        assert time.monotonic() - began < 2
        proxy.mend()
        limiter.redis_within_s = 5.0
        clock.passed += AWAY_FOR_S
        assert kind(await limiter.ask([Bucket(Kind.CALLER, "b", 1)])) is None
        async with Redis.from_url(redis_url) as straight:
            assert await straight.exists("{callwright:limits}:caller:b")
