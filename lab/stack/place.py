"""The folder of one running stack: exclusively ours while we run, cleared of what a crash left behind."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.stack.program import NOBODY

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"
MOST_SIDE_BY_SIDE = 9


class NoPlace(Exception):
    """Too many stacks of this kind run already."""


class Place:
    """Where a stack keeps its data, logs, secrets and addresses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.addresses = folder / "addresses.json"

    def secret(self, name: str, length: int = 32) -> str:
        """A random secret made at the first use and kept in a file that only we can read."""
        path = self.folder / "secrets" / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            fresh = path.with_suffix(f".{os.getpid()}")
            fresh.touch(mode=0o600)
            fresh.write_text(secrets.token_urlsafe(length), encoding="ascii")
            fresh.rename(path)
        return path.read_text(encoding="ascii")

    def publish(self, addresses: dict[str, Any]) -> None:
        """Tell other commands (`make call`, `make kb`) where everything is. Holds keys, so only we may read it."""
        fresh = self.addresses.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(addresses, indent=2), encoding="utf-8")
        fresh.rename(self.addresses)

    def read_addresses(self) -> dict[str, Any] | None:
        """What the running stack has published, or None."""
        try:
            found: dict[str, Any] = json.loads(self.addresses.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return found

    def folder_for_nobody(self, name: str) -> Path:
        """A folder that the unprivileged user of PostgreSQL can reach and owns, when we are root.

        A home directory closed to others would hide anything below it; then the folder is made elsewhere.
        """
        inside = self.folder / name
        if os.geteuid() != 0:
            inside.mkdir(mode=0o700, exist_ok=True)
            return inside
        if not open_to_others(self.folder):
            digest = hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]
            inside = Path(tempfile.gettempdir()) / f"callwright-{digest}-{name}"
        inside.mkdir(mode=0o700, exist_ok=True)
        os.chown(inside, NOBODY, NOBODY)
        return inside


def open_to_others(path: Path) -> bool:
    """Whether every folder on the way to `path` lets other users pass."""
    return all(step.stat().st_mode & 0o001 for step in (path, *path.parents))


@contextmanager
def take(kind: str, *, fresh: bool) -> Iterator[Place]:
    """A folder for a stack of this kind: `.local/<kind>`, or `.local/<kind>-2` … when others run beside us.

    The lock is the kernel's: a crash frees it, whatever files it leaves. `fresh` throws away what an earlier run left.
    """
    LOCAL.mkdir(exist_ok=True)
    for number in range(1, MOST_SIDE_BY_SIDE + 1):
        folder = LOCAL / (kind if number == 1 else f"{kind}-{number}")
        lock = (LOCAL / f"{folder.name}.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        try:
            place = Place(folder)
            if fresh and folder.exists():
                shutil.rmtree(folder)
            folder.mkdir(exist_ok=True)
            place.addresses.unlink(missing_ok=True)
            yield place
            place.addresses.unlink(missing_ok=True)
        finally:
            lock.close()
        return
    raise NoPlace(f"{MOST_SIDE_BY_SIDE} stacks of kind {kind} run already; stop one with `make down`")


def running_places() -> list[Place]:
    """Every stack of this checkout that has published its addresses, newest first."""
    found = [Place(path.parent) for path in LOCAL.glob("*/addresses.json") if _is_locked(path.parent)]
    return sorted(found, key=lambda place: place.addresses.stat().st_mtime, reverse=True)


def _is_locked(folder: Path) -> bool:
    try:
        with (LOCAL / f"{folder.name}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
