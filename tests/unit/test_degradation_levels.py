"""From health to a level: down at once, up when it has lasted."""

from __future__ import annotations

import pytest

from shared.degradation.levels import CALM_S, SLOW_S, Health, Level, Standing, step, wanted


@pytest.mark.parametrize(
    ("health", "level"),
    [
        (Health(), Level.FULL),
        (Health(full=False, fast=True), Level.FAST),
        (Health(full=False, fast=False), Level.RULES),
        (Health(full=False), Level.RULES),
        (Health(first_token_s=SLOW_S + 0.1, fast=True), Level.FAST),
        (Health(first_token_s=SLOW_S + 0.1, fast=False), Level.FULL),  # slow is better than articles
        (Health(talks=False), Level.PERSON),
    ],
)
def test_the_best_level_that_health_carries(health: Health, level: Level) -> None:
    assert wanted(health) is level


def test_down_at_once_and_up_when_it_has_lasted() -> None:
    well, ill = Health(fast=True), Health(full=False, fast=True)
    standing = step(Standing(), ill, 100.0)
    assert standing.level is Level.FAST
    standing = step(standing, well, 101.0)
    standing = step(standing, well, 101.0 + CALM_S - 0.1)
    assert standing.level is Level.FAST
    standing = step(standing, ill, 101.0 + CALM_S)  # once ill, all over again
    standing = step(standing, well, 200.0)
    assert standing.level is Level.FAST
    assert step(standing, well, 200.0 + CALM_S).level is Level.FULL
