"""Free ports on loopback."""

from __future__ import annotations

import random
import socket

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
