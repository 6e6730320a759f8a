"""`make chaos SEED=… CALLS=…`: exit status 1 when the two sides differ."""

# ruff: noqa: T201  (a report on standard output)

from __future__ import annotations

import argparse
import random
import sys

import uvloop

from shared.observability.logs import configure
from tests.chaos.faults import STORES
from tests.chaos.profiles import A_SECOND, away, long, short
from tests.chaos.report import report
from tests.chaos.run import run


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--calls", type=int, default=300, help="conversations; 300 or fewer make the short run")
    parser.add_argument(
        "--rate", type=float, default=A_SECOND, help="calls a second of a long run; less on a busy machine"
    )
    parser.add_argument("--faults-only", action="store_true", help="print what this seed will break, and stop")
    parser.add_argument("--away", choices=STORES, help="nothing but this store away for a minute, under load")
    chosen = parser.parse_args()
    if chosen.away:
        chaos = away(chosen.seed, chosen.away)
    else:
        chaos = short(chosen.seed) if chosen.calls <= 300 else long(chosen.seed, chosen.calls, chosen.rate)
    if chosen.faults_only:
        print("\n".join(str(fault) for fault in chaos.faults))
        return
    configure("chaos", "error")
    outcome = uvloop.run(run(chaos))
    print("\n" + report(chaos, outcome), flush=True)
    sys.exit(1 if outcome.verdict.differences else 0)


if __name__ == "__main__":
    main()
