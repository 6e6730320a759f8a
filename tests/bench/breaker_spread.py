"""How soon other processes avoid a provider that has failed for one: `python -m tests.bench.breaker_spread REDIS_URL`.

Three boards on one Redis, in one process here: they share nothing but Redis. The provider fails as often as it takes
for one of them; the time runs from the last of these failures to the moment at which a call of another is refused.
"""

from __future__ import annotations

import asyncio
import sys
import time
from statistics import median

from pydantic import SecretStr

from shared.clock import SystemClock
from shared.observability.logs import configure
from shared.resilience.breaker import Breaker
from shared.resilience.circuit import USUAL
from shared.resilience.shared_board import shared_board
from shared.settings import RedisSettings

TRIALS = 40


async def spread(redis_url: str) -> list[float]:
    """Seconds, one for each trial and other process."""
    settings, clock = RedisSettings(redis_url=SecretStr(redis_url)), SystemClock()
    boards = [shared_board(f"bench{number}", settings, clock) for number in range(3)]
    times: list[float] = []
    breakers = [[board.breaker(f"bench:{trial}") for board in boards] for trial in range(TRIALS)]
    work = [asyncio.create_task(board.run()) for board in boards]
    await asyncio.sleep(1)
    for first, *others in breakers:
        for _ in range(USUAL.failures):
            first.failed("ReadTimeout")
        began = time.monotonic()
        times += await asyncio.gather(*(_avoids(other, began) for other in others))
        await asyncio.sleep(0.13)  # out of step with the boards
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
    return times


async def _avoids(breaker: Breaker, since: float) -> float:
    while breaker.is_closed:  # noqa: ASYNC110  (a caller asks when it calls; nobody is told)
        await asyncio.sleep(0.001)
    return time.monotonic() - since


def main() -> None:
    """Print the figures."""
    configure("bench", "error")
    times = sorted(asyncio.run(spread(sys.argv[1])))
    p95 = times[int(len(times) * 0.95)]
    sys.stdout.write(f"{len(times)} times: p50 {median(times):.3f} s, p95 {p95:.3f} s, max {times[-1]:.3f} s\n")


if __name__ == "__main__":
    main()
