"""Whether a process of this machine is well: `python -m shared.observability.probe <address | heartbeat file>`.

For health checks inside containers, whose images hold no other program that could ask. It exits with 0 or 1 and imports
nothing but the standard library, since it runs every few seconds.
"""

from __future__ import annotations

import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ANSWER_WITHIN_S = 2.0
BEAT_WITHIN_S = 60.0
"""A heartbeat comes every five seconds; a loop that is late by this much is stuck."""


def answers(address: str) -> bool:
    """Whether the address answers with a success in time."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(address, timeout=ANSWER_WITHIN_S):
            return True
    except (OSError, urllib.error.URLError):
        return False


def beats(heartbeat: Path) -> bool:
    """Whether the file was touched lately."""
    try:
        return time.time() - heartbeat.stat().st_mtime < BEAT_WITHIN_S
    except OSError:
        return False


def main(arguments: list[str]) -> int:
    """The exit status."""
    (what,) = arguments
    well = answers(what) if what.startswith("http://") else beats(Path(what))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
