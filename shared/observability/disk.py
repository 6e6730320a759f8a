"""How much room is left where a process writes: measured, shown, and said once when it is too little."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from shared.errors import Transient
from shared.observability import metrics
from shared.observability.logs import get_logger

log = get_logger(__name__)

LOOK_EVERY_S: Final = 10.0
MEGABYTE: Final = 1024 * 1024
TEMPORARY: Final = "temporary"
"""What the directory of temporary files is shown as: large uploads pass through it."""


class TooLittleRoom(Transient):
    """A directory has less free than it must have, or cannot be asked; the detail names it."""


def free_bytes(directory: Path) -> int:
    """What an ordinary user may still write there, or where it would be when it is not made yet. Raises OSError."""
    while not directory.exists() and directory != directory.parent:
        directory = directory.parent
    return shutil.disk_usage(directory).free


class Disk:
    """The directories that one process writes to. Give it only such as are this machine's to fill."""

    def __init__(
        self, directories: Mapping[str, Path], least_free_mb: int, free: Callable[[Path], int] = free_bytes
    ) -> None:
        """`directories` by the name they are shown under; less than `least_free_mb` megabytes are too little."""
        self._directories = directories
        self._least = least_free_mb * MEGABYTE
        self._free = free
        self._short: frozenset[str] = frozenset()

    def look(self) -> frozenset[str]:
        """The names of the directories that are too full now; each is logged when that begins and when it ends."""
        short = frozenset(name for name, directory in self._directories.items() if self._is_short(name, directory))
        for name in sorted(short - self._short):
            log.error("disk_almost_full", source=name, limit=self._least)
        for name in sorted(self._short - short):
            log.info("disk_has_room", source=name)
        self._short = short
        return short

    def _is_short(self, name: str, directory: Path) -> bool:
        try:
            left = self._free(directory)
        except OSError:
            return True
        metrics.disk_free_bytes.labels(directory=name).set(left)
        return left < self._least

    async def check(self) -> None:
        """Return when there is room everywhere. Raises TooLittleRoom."""
        short = await asyncio.to_thread(self.look)
        if short:
            raise TooLittleRoom("too little room: " + ", ".join(sorted(short)))

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(LOOK_EVERY_S)
