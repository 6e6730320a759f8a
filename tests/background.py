"""Background work as it really runs: relay, workers, beat, watch and Flower as processes, on real stores."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import redis

from lab.stack.program import Program, Running, accepts_tcp, start, stop, tail, wait_until_ready, writes_file
from shared.contracts.tasks import Queue
from tests.waiting import wait_for


@dataclass
class Background:
    """Starts programs of `services.workers` with one environment, and ends them all."""

    environment: Mapping[str, str]
    folder: Path
    started: list[Running] = field(default_factory=list)

    def start(self, *arguments: str, **settings: str) -> Running:
        """Start `python -m services.workers <arguments>`; `settings` are added to its environment.

        It is ready when its heartbeat is there, or, with a LISTEN_PORT, when it answers there.
        """
        name = f"{'-'.join(arguments)}-{len(self.started)}"
        beat = self.folder / f"{name}.heartbeat"
        environment = {
            **{key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "LC_ALL")},
            **self.environment,
            "HEARTBEAT_FILE": str(beat),
            "PYTHONDONTWRITEBYTECODE": "1",
            **settings,
        }
        command = [sys.executable, "-m", "services.workers", *arguments]
        port = settings.get("LISTEN_PORT")
        ready = writes_file(beat) if port is None else accepts_tcp(int(port))
        running = start(Program(name, command, environment, ready), self.folder)
        self.started.append(running)
        return running

    def relay(self, **settings: str) -> Running:
        return self.start("relay", **settings)

    def worker(self, queue: Queue, **settings: str) -> Running:
        return self.start("worker", queue.value, **settings)

    def wait(self, *programs: Running) -> None:
        """Until these, or all, are ready."""
        for running in programs or self.started:
            wait_until_ready(running)

    def kill(self, running: Running) -> None:
        """End it and its children at once, as an out-of-memory killer would."""
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()

    def children(self, running: Running) -> list[int]:
        """The processes that a worker has forked."""
        path = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
        return [int(pid) for pid in path.read_text(encoding="ascii").split()]

    def logs(self, lines: int = 30) -> str:
        """The ends of all logs, for a failure's message."""
        return "\n".join(f"== {running.program.name}\n{tail(running.log, lines)}" for running in self.started)


@contextmanager
def background(environment: Mapping[str, str], folder: Path) -> Iterator[Background]:
    """Programs for as long as the block runs."""
    running = Background(environment, folder)
    try:
        yield running
    finally:
        stop(running.started)


def messages(address: str, queue: Queue) -> int:
    """How many messages wait in a queue's list."""
    with redis.Redis.from_url(address) as client:
        return int(client.llen(queue.value))


def ends(running: Running, within_s: float) -> int:
    """The exit status of a program that is ending."""
    wait_for(lambda: running.ended is not None, within_s, f"{running.program.name} to end")
    assert running.ended is not None
    return running.ended
