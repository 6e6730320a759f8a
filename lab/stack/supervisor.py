"""Starts programs in waves, restarts what ends on its own, and stops all of them, last started first."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Self

from lab.stack.program import Program, Running, start, stop, tail, wait_until_ready

LOOK_EVERY_S = 0.25
STEADY_S = 30.0
"""A program that ran this long before it ended is started again at once."""
LONGEST_PAUSE_S = 10.0


@dataclass
class _Kept:
    """A program under supervision."""

    running: Running
    pause_s: float = 0.5
    again_at: float | None = None


@dataclass
class Supervisor:
    """Keeps the programs of one stack alive.

    Use it as `with Supervisor(logs) as supervisor:`; leaving the block stops everything, also after an error half-way.
    """

    logs: Path
    say: Callable[[str], None] = print
    _waves: list[list[_Kept]] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, programs: Sequence[Program]) -> None:
        """Start these together and wait until all are ready. Raises StartFailed."""
        for running in self.begin(programs):
            wait_until_ready(running)

    def begin(self, programs: Sequence[Program]) -> list[Running]:
        """Start these together and do not wait."""
        wave: list[_Kept] = []
        self._waves.append(wave)
        wave.extend(_Kept(start(program, self.logs)) for program in programs)
        return [kept.running for kept in wave]

    def look(self) -> None:
        """Start again what has ended, after a pause that grows while it keeps ending."""
        now = time.monotonic()
        for kept in self._kept():
            status = kept.running.ended
            if status is None or not kept.running.program.restarts:
                continue
            if kept.again_at is None:
                if now - kept.running.started_at > STEADY_S:
                    kept.pause_s = 0.5
                self.say(f"{kept.running.program.name} ended with status {status}; starting it again")
                self.say(tail(kept.running.log, lines=3))
                kept.again_at = now + kept.pause_s
                kept.pause_s = min(kept.pause_s * 2, LONGEST_PAUSE_S)
            elif now >= kept.again_at:
                kept.running = start(kept.running.program, self.logs)
                kept.again_at = None

    def watch(self, until: threading.Event) -> None:
        """Look after the programs until the event is set."""
        while not until.wait(LOOK_EVERY_S):
            self.look()

    def process_ids(self) -> dict[str, int]:
        """The process of each program."""
        return {kept.running.program.name: kept.running.process.pid for kept in self._kept()}

    def stop(self) -> None:
        """End everything, last wave first, so that nothing loses what it depends on while it tidies up."""
        while self._waves:
            stop([kept.running for kept in self._waves.pop()])

    def _kept(self) -> Iterator[_Kept]:
        for wave in self._waves:
            yield from wave


@contextmanager
def stop_asked() -> Iterator[threading.Event]:
    """An event that is set by SIGINT or SIGTERM inside the block; a second signal interrupts at once."""
    asked = threading.Event()

    def ask(number: int, _: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        if number == signal.SIGINT:
            print("\nStopping; once more to interrupt", flush=True)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
