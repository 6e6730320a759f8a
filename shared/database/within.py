"""A deadline for work with the database that holds even when the server is frozen.

Cancelling a statement asks the server to stop it and waits for the answer, so that a frozen one would be waited for
after all. Here the work is left behind, to end when it can; its connection is missed in the pool until then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from shared.database.transactions import DatabaseAway

Result = TypeVar("Result")

_LEFT_BEHIND: set[asyncio.Task[Any]] = set()


async def within(seconds: float, work: Coroutine[Any, Any, Result]) -> Result:
    """What the work comes to. Raises DatabaseAway when that takes too long."""
    task = asyncio.get_running_loop().create_task(work, name="database")
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            _LEFT_BEHIND.add(task)
            task.add_done_callback(_ended)
    if not task.done():
        raise DatabaseAway("the database does not answer in time")
    return task.result()


def _ended(task: asyncio.Task[Any]) -> None:
    _LEFT_BEHIND.discard(task)
    if not task.cancelled():
        task.exception()  # nobody waits for it any more
