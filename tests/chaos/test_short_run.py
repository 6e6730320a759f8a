"""Three hundred calls while everything is killed, frozen and cut: no call, no ticket and no word is lost or doubled.

Of a call with whose sound the lab itself fell behind only the ticket counts, so a busy machine proves less about words.
"""

from __future__ import annotations

import pytest
import uvloop

from tests.chaos.profiles import short
from tests.chaos.report import report
from tests.chaos.run import run

SEED = 24
"""One whose faults touch every tier: both stores, the help desk, a provider, and three voice processes."""


@pytest.mark.alone
@pytest.mark.timeout(600)
def test_nothing_is_lost_and_nothing_is_doubled() -> None:
    said: list[str] = []
    chaos = short(SEED)
    outcome = uvloop.run(run(chaos, said.append))
    told = report(chaos, outcome)
    assert not outcome.verdict.differences, "\n".join([*said, told])
    assert len(outcome.cases) > 150, told
    assert not outcome.unplaced, told
