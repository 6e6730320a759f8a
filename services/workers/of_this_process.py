"""What each worker process makes for itself: engines and clients must not cross a fork."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Generic, TypeVar

from celery.signals import worker_process_shutdown

Made = TypeVar("Made")


class OfThisProcess(Generic[Made]):
    """Made at its first use in a process, closed when the process ends.

    At the first use and not at the process's start: a new child that takes longer than four seconds is killed.
    """

    def __init__(self, make: Callable[[], AbstractContextManager[Made]]) -> None:
        self._make = make
        self._closing = ExitStack()
        self._made: tuple[int, Made] | None = None
        worker_process_shutdown.connect(self._close, weak=False)

    def __call__(self) -> Made:
        """This process's own."""
        if self._made is None or self._made[0] != os.getpid():
            self._closing = ExitStack()
            self._made = os.getpid(), self._closing.enter_context(self._make())
        return self._made[1]

    def _close(self, **_: object) -> None:
        if self._made is not None and self._made[0] == os.getpid():
            self._made = None
            self._closing.close()
