"""Three hundred calls while everything is killed, frozen and cut: no call and no ticket is lost or doubled.

Words are compared, too, and judged by `make chaos`: the seconds in which they may be in flight are those of a machine
that has nothing else to do.
"""

from __future__ import annotations

import pytest
import uvloop

from tests.chaos.comparison import Differs
from tests.chaos.profiles import short
from tests.chaos.report import report
from tests.chaos.run import run

ABOUT_WORDS = (Differs.TURN_LOST, Differs.TURN_INVENTED, Differs.HEARD_LOST, Differs.HEARD_INVENTED)
SEED = 24
"""One whose faults touch every tier: both stores, the help desk, a provider, and three voice processes."""


@pytest.mark.alone
@pytest.mark.timeout(600)
def test_nothing_is_lost_and_nothing_is_doubled() -> None:
    said: list[str] = []
    chaos = short(SEED)
    outcome = uvloop.run(run(chaos, said.append))
    told = report(chaos, outcome)
    lost = [one for one in outcome.verdict.differences if one.kind not in ABOUT_WORDS]
    assert not lost, "\n".join([*said, told])
    assert len(outcome.cases) > 150, told
    assert not outcome.unplaced, told
