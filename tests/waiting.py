"""Waiting for an effect outside the test, with a deadline instead of a sleep for luck."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Found = TypeVar("Found")
STEP_S = 0.02


def wait_for(look: Callable[[], Found | None], within_s: float, what: str) -> Found:
    """The first truthy answer of `look`. Raises AssertionError when none came in time."""
    deadline = time.monotonic() + within_s
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(STEP_S)


async def wait_for_async(look: Callable[[], Awaitable[Found | None]], within_s: float, what: str) -> Found:
    """The same for coroutines."""
    deadline = time.monotonic() + within_s
    while True:
        if found := await look():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what}")
        await asyncio.sleep(STEP_S)
