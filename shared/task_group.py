"""Background tasks that somebody holds: no fire-and-forget, no lost exception."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from shared.observability.logs import get_logger

log = get_logger(__name__)


class TaskSet:
    """Keeps a reference to each task it starts, logs what fails, and ends them all together."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run `work` in the background. Raises RuntimeError once the set is closed."""
        if self._closed:
            work.close()
            raise RuntimeError(f"{self._name} is closed and takes no new work")
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background_task_failed", task=task.get_name(), exc_info=error)

    def __len__(self) -> int:
        return len(self._tasks)

    async def wait(self) -> None:
        """Wait until everything started so far has ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Refuse new work, cancel what runs, and wait until it is gone."""
        self._closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def stop_if_told() -> None:
    """For loops that run until they are cancelled and ask Redis: its client can swallow that while it connects.

    Raises CancelledError in a task that was cancelled and still runs; whoever waits for its end would wait for ever.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
