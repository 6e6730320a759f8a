"""One child process: how it is started, when it is ready, how it ends."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

NOBODY = 65534
PR_SET_PDEATHSIG = 1


class StartFailed(Exception):
    """A program ended or stayed silent before it was ready; the message holds the end of its log."""


@dataclass(frozen=True)
class Program:
    """What to run."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    ready: Callable[[], bool]
    """Asked every few milliseconds until true."""
    stop_signal: signal.Signals = signal.SIGTERM
    start_within_s: float = 60.0
    stop_within_s: float = 15.0
    as_nobody: bool = False
    """Run as an unprivileged user when we are root: PostgreSQL refuses root."""
    restarts: bool = True
    niceness: int = 0
    """How far behind other processes it stands where cores are few."""


@dataclass
class Running:
    """A started program."""

    program: Program
    process: subprocess.Popen[bytes]
    log: Path
    started_at: float = field(default_factory=time.monotonic)

    @property
    def ended(self) -> int | None:
        """The exit status, or None while it runs."""
        return self.process.poll()


def start(program: Program, logs: Path) -> Running:
    """Start the program with its output in `logs/<name>.log`."""
    logs.mkdir(parents=True, exist_ok=True)
    path = logs / f"{program.name}.log"
    owner = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if program.as_nobody and os.geteuid() == 0 else {}
    with path.open("ab") as output:
        process = _spawn(program, output, owner)
    return Running(program, process, path)


def _spawn(program: Program, output: IO[bytes], owner: Mapping[str, object]) -> subprocess.Popen[bytes]:
    def follow_parent_into_death() -> None:
        # When the supervisor is killed, the kernel tells its children, so that nothing is left running.
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(program.stop_signal))
        if program.niceness:
            os.nice(program.niceness)

    process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603  (argument lists of our own)
        list(program.command),
        env=dict(program.environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=follow_parent_into_death,  # noqa: PLW1509  (the supervisor has one thread)
        **owner,  # type: ignore[call-overload]
    )
    return process


def wait_until_ready(running: Running) -> None:
    """Return when the program is ready. Raises StartFailed."""
    deadline = running.started_at + running.program.start_within_s
    while not running.program.ready():
        if (status := running.ended) is not None:
            raise StartFailed(f"{running.program.name} ended with status {status}\n{tail(running.log)}")
        if time.monotonic() > deadline:
            raise StartFailed(f"{running.program.name} was not ready in time\n{tail(running.log)}")
        time.sleep(0.02)


def stop(programs: Sequence[Running]) -> None:
    """Ask all of them to end together, wait, and kill what is left, with its children."""
    for running in programs:
        if running.ended is None:
            running.process.send_signal(running.program.stop_signal)
    for running in programs:
        with suppress(subprocess.TimeoutExpired):
            running.process.wait(timeout=running.program.stop_within_s)
        try:
            os.killpg(running.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        running.process.wait()


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def answers_http(url: str) -> Callable[[], bool]:
    """Ready when a GET is answered with a success."""

    def ask() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=1) as response:  # noqa: S310  (loopback addresses of our own)
                return bool(response.status < 400)
        except (urllib.error.URLError, OSError):
            return False

    return ask


def accepts_tcp(port: int) -> Callable[[], bool]:
    """Ready when the port accepts a connection."""

    def ask() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
        except OSError:
            return False

    return ask


def writes_file(path: Path) -> Callable[[], bool]:
    """Ready when the program has written this file."""
    return path.exists
