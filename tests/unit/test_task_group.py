"""Background tasks end with their set, even one that a library kept from noticing."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from shared.task_group import TaskSet
from tests.virtual_time import on_virtual_time


def test_a_task_that_swallows_its_cancellation_is_cancelled_again() -> None:
    async def scenario() -> int:
        swallowed = 0

        async def stubborn() -> None:
            nonlocal swallowed
            while True:
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    swallowed += 1
                    if swallowed > 2:
                        raise

        tasks = TaskSet("a test")
        tasks.start(stubborn(), "stubborn")
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await tasks.close()
        with suppress(RuntimeError):
            tasks.start(stubborn(), "late")
        return swallowed

    assert on_virtual_time(scenario()) == 3
