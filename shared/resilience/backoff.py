"""How long to wait before another try."""

from __future__ import annotations

import random
from collections.abc import Iterator


def backoff(first: float, highest: float, factor: float = 2.0) -> Iterator[float]:
    """Seconds to wait before each further try: growing, capped, jittered so that clients do not march in step."""
    ceiling = first
    while True:
        yield random.uniform(ceiling / 2, ceiling)  # noqa: S311  (spreads load; guards nothing)
        ceiling = min(highest, ceiling * factor)
