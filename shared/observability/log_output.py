"""Standard output as the place of the log: what it does not take is counted and reported, and nobody fails for it.

A full disk or a reader that went away makes every write an error, also in the middle of a call.
"""

from __future__ import annotations

import errno
import sys
from contextlib import suppress
from typing import IO, Final

from shared.errors import Transient
from shared.observability import metrics


class LogNotWritten(Transient):
    """The log does not take lines; the detail names the error of the operating system."""


class LogOutput:
    """Where a process writes its lines; nowhere until a stream is attached."""

    def __init__(self) -> None:
        self._stream: IO[bytes] | None = None
        self._failure = ""

    def attach(self, stream: IO[bytes]) -> None:
        """Write here from now on."""
        self._stream = stream
        self._failure = ""

    def write(self, line: bytes) -> None:
        """Write a line. Never raises: a line that is not taken is counted."""
        if self._stream is None:
            return
        try:
            self._stream.write(line)
            self._stream.flush()
        except (OSError, ValueError) as error:  # ValueError: the stream is closed
            metrics.log_lines_lost_total.inc()
            self._fails(error)
        else:
            self._failure = ""

    def flush(self) -> None:
        """Every line is flushed when it is written."""

    def _fails(self, error: OSError | ValueError) -> None:
        """Remember it, and say it once where it may still be seen."""
        name = errno.errorcode.get(error.errno or 0, "OSError") if isinstance(error, OSError) else "closed"
        if name != self._failure:
            self._failure = name
            with suppress(OSError, ValueError):
                sys.stderr.write(f"the log cannot be written: {name}\n")

    async def check(self) -> None:
        """Return when the last line was written. Raises LogNotWritten."""
        if self._failure:
            self.write(b"")
        if self._failure:
            raise LogNotWritten(f"the log cannot be written: {self._failure}")


STANDARD_OUTPUT: Final = LogOutput()
"""The one of this process."""
