"""Slots on a real Redis: none is given twice, who came first is served first, a process that is gone takes its own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as NoConnection

from shared.admission.slots import NOTHING, Offer, Slots, Verdict, reservation
from tests.waiting import wait_for_async


@pytest.fixture
async def slots(redis_url: str) -> AsyncIterator[Slots]:
    async with Redis.from_url(redis_url) as redis:
        yield Slots(redis)


async def verdict(slots: Slots, call: str, generation: int = 1) -> Verdict:
    return (await slots.reserve(call, generation))[0]


async def test_fifty_calls_at_once_do_not_share_the_last_slots(slots: Slots) -> None:
    await slots.publish("a", Offer(2, 2))
    await slots.publish("b", Offer(1, 1))
    found = await asyncio.gather(*(verdict(slots, f"call {number}") for number in range(50)))
    assert Counter(found) == {Verdict.ADMITTED: 3, Verdict.FULL: 47}
    standing = await slots.look()
    assert (standing.processes, standing.free, standing.waiting) == (2, 0, 47)


async def test_a_repeat_gets_what_it_got_and_an_arrival_uses_it_up(slots: Slots) -> None:
    await slots.publish("a", Offer(1, 1))
    assert [await verdict(slots, "CA1") for _ in range(2)] == [Verdict.ADMITTED] * 2
    assert await verdict(slots, "another") is Verdict.FULL
    await slots.publish("a", NOTHING, [reservation("CA1", 1)])
    assert (await slots.look()).free == 0
    await slots.publish("a", Offer(1, 1))
    assert await verdict(slots, "another") is Verdict.ADMITTED


async def test_who_waits_is_served_in_order_and_a_lost_call_before_all(slots: Slots) -> None:
    await slots.publish("a", NOTHING)
    for call in ("early", "late"):
        assert await verdict(slots, call) is Verdict.FULL
    await slots.publish("a", Offer(1, 1))
    assert await verdict(slots, "newest") is Verdict.FULL
    assert await verdict(slots, "late") is Verdict.FULL
    assert await verdict(slots, "lost", 2) is Verdict.ADMITTED
    assert await verdict(slots, "early") is Verdict.FULL
    await slots.publish("a", Offer(2, 2))
    assert await verdict(slots, "late") is Verdict.FULL
    assert await verdict(slots, "early") is Verdict.ADMITTED
    assert (await slots.look()).waiting == 2


async def test_a_lost_call_finds_room_where_a_new_one_does_not(slots: Slots) -> None:
    await slots.publish("late", Offer(0, 2))
    assert await verdict(slots, "new") is Verdict.FULL
    found = [await verdict(slots, f"lost {number}", 2) for number in range(3)]
    assert found == [Verdict.ADMITTED, Verdict.ADMITTED, Verdict.FULL]


async def test_what_was_reserved_for_a_stream_that_nobody_took_is_free_for_the_next(slots: Slots) -> None:
    await slots.publish("a", Offer(1, 1))
    for generation in range(1, 5):
        assert await verdict(slots, "unreached", generation) is Verdict.ADMITTED
    assert (await slots.look()).free == 0
    assert await verdict(slots, "another") is Verdict.FULL


async def test_a_process_that_is_gone_takes_its_slots_with_it(slots: Slots) -> None:
    assert await verdict(slots, "before anybody") is Verdict.UNKNOWN
    await slots.publish("a", Offer(5, 5), for_s=0.2)
    assert await verdict(slots, "one") is Verdict.ADMITTED

    async def gone() -> bool:
        return not (await slots.look()).processes

    await wait_for_async(gone, 3, "the publication to end")
    assert await verdict(slots, "two") is Verdict.NO_TIER
    await slots.publish("b", Offer(2, 2), for_s=0)
    assert await verdict(slots, "three") is Verdict.NO_TIER


async def test_a_redis_that_is_away_is_an_error_for_the_caller_to_judge() -> None:
    async with Redis.from_url("redis://127.0.0.1:9/0") as redis:
        with pytest.raises(NoConnection):
            await Slots(redis).look()
