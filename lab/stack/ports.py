"""Free ports on loopback."""

from __future__ import annotations

import random
import socket
from collections.abc import Mapping

LOWEST, HIGHEST = 20000, 29999
"""Below the range from which kernels take ports for outgoing connections, so that a free port stays free."""


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on, all different."""
    held: list[socket.socket] = []
    try:
        while len(held) < count:
            candidate = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                candidate.bind(("127.0.0.1", random.randint(LOWEST, HIGHEST)))  # noqa: S311
            except OSError:
                candidate.close()
                continue
            held.append(candidate)
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


def preferred(wanted: Mapping[str, int]) -> dict[str, int]:
    """Those of the wanted ports that are free."""
    found = {}
    for name, port in wanted.items():
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found[name] = port
    return found
