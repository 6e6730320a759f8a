"""`python -m services.knowledge.adapters.reading_process`: a file on standard input, its article on standard output.

Limits itself before it looks at the file; whatever happens to it happens to nobody else.
"""

from __future__ import annotations

import resource
import sys

import msgspec

from services.knowledge.adapters.reading import Order, Outcome, read_here
from shared.errors import Invalid, TooLarge

MOST_MEMORY = 2 * 1024**3
"""Bytes of address space; five megabytes of the worst Markdown take one gigabyte."""
MOST_SECONDS = 30
"""Of computing, should nobody be left to end us."""


def main() -> None:
    """Read, answer, end."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    first, _, data = sys.stdin.buffer.read().partition(b"\n")
    order = msgspec.json.decode(first, type=Order)
    try:
        outcome = Outcome(article=read_here(order.name, data, order.locale))
    except Invalid as error:
        outcome = Outcome(invalid=error.detail)
    except TooLarge as error:
        outcome = Outcome(too_large=error.detail)
    sys.stdout.buffer.write(msgspec.json.encode(outcome))


if __name__ == "__main__":
    main()
