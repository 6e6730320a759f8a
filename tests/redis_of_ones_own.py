"""A Redis that a test may stop, freeze, kill and start again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.stack import servers
from lab.stack.place import Place
from lab.stack.ports import free_ports
from lab.stack.program import Program, Running, start, stop, wait_until_ready


class RedisOfOnesOwn:
    """A real server, with an append-only file."""

    def __init__(self, program: Program, address: str, logs: Path) -> None:
        self.address = address
        self._program = program
        self._logs = logs
        self._running: Running | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._running = start(self._program, self._logs)
        wait_until_ready(self._running)

    def freeze(self) -> None:
        """It takes connections and says nothing, until it is thawed or killed."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """It is gone at once, frozen or not; connections are refused."""
        assert self._running is not None
        self._running.process.kill()
        self._running.process.wait()

    def end(self) -> None:
        """Whatever was done to it."""
        if self._running is not None and self._running.ended is None:
            self.thaw()
            stop([self._running])

    def _signal(self, number: signal.Signals) -> None:
        assert self._running is not None
        os.kill(self._running.process.pid, number)


@contextmanager
def redis_of_ones_own(folder: Path) -> Iterator[RedisOfOnesOwn]:
    """A server that runs, and ends with the block."""
    place = Place(folder)
    program, address = servers.redis_server(place, *free_ports(1))
    redis = RedisOfOnesOwn(program, address, place.logs)
    redis.start()
    try:
        yield redis
    finally:
        redis.end()
