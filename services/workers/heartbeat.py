"""A file that says: this program is ready, and it still turns. Probes look at its age; nothing asks the broker."""

from __future__ import annotations

from pathlib import Path

from shared.observability.logs import get_logger

log = get_logger(__name__)

EVERY_S = 5.0


class Heartbeat:
    """Touches a file; does nothing when no file is configured."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._is_written = True

    def clear(self) -> None:
        """Take away what an earlier run left: not ready yet."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def beat(self) -> None:
        """Ready, and alive now. Where it cannot be written the work goes on, until a probe misses it."""
        if self._path is None:
            return
        try:
            self._path.touch()
        except OSError as error:
            if self._is_written:
                log.warning("heartbeat_not_written", error=type(error).__name__)
            self._is_written = False
        else:
            self._is_written = True
