"""Free ports on loopback."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

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


@contextmanager
def claimed(names: Sequence[str], wanted: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """A free port for each name, the wanted one where nobody has it, kept from other stacks until the block ends.

    Between choosing a port and a program listening on it lie seconds. The claim is the UDP port of the same number,
    which nothing else here uses: stacks of every folder and user see it, and it ends with this process, however that
    ends.
    """
    with ExitStack() as claims:
        yield {name: _claim(wanted.get(name), claims) for name in names}


def _claim(wanted: int | None, claims: ExitStack) -> int:
    if wanted is not None and _take(wanted, claims):
        return wanted
    while True:
        port = random.randint(LOWEST, HIGHEST)  # noqa: S311
        if _take(port, claims):
            return port


def _take(port: int, claims: ExitStack) -> bool:
    """Whether the port is ours now."""
    claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        claim.bind(("127.0.0.1", port))
    except OSError:
        claim.close()
        return False
    claims.enter_context(claim)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
