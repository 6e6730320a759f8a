"""An event loop whose clock jumps to the next timer: a minute of dialogue passes in a millisecond, in a fixed order."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

Result = TypeVar("Result")
BEGAN = datetime(2026, 11, 20, 9, tzinfo=UTC)


class NothingLeftToDo(Exception):
    """Everybody waits and no timer is set: in real life this would hang for ever."""


class _JumpingSelector(selectors.SelectSelector):
    """Never waits: moves the clock by as long as it should have waited."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise NothingLeftToDo
            self.now += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time; no real I/O but what is ready at once."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


class LoopClock:
    """`shared.clock.Clock` on the running loop's time."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return BEGAN + timedelta(seconds=self.monotonic())


def on_virtual_time(work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work` to its end on a virtual loop."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
