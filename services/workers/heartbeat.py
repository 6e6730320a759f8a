"""A file that says: this program is ready, and it still turns. Probes look at its age; nothing asks the broker."""

from __future__ import annotations

from pathlib import Path

EVERY_S = 5.0


class Heartbeat:
    """Touches a file; does nothing when no file is configured."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def clear(self) -> None:
        """Take away what an earlier run left: not ready yet."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def beat(self) -> None:
        """Ready, and alive now."""
        if self._path is not None:
            self._path.touch()
