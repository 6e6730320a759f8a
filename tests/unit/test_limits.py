"""Token buckets on a clock that the test moves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.limits.pseudonym import Pseudonyms
from shared.limits.bucket import Bucket, Kind, Level, Refusal, draw
from shared.limits.local_buckets import LocalBuckets
from shared.settings import LimitSettings, SettingsError, load
from tests.virtual_time import LoopClock


class Moved(LoopClock):
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


@given(st.lists(st.floats(0, 90), max_size=60), st.integers(1, 40))
def test_whatever_comes_when_no_more_passes_than_a_full_bucket_and_what_flowed_in(
    pauses: list[float], per_minute: int
) -> None:
    bucket, level, now, passed = Bucket(Kind.CALLER, "a", per_minute), None, 0.0, 0
    for pause in pauses:
        now += pause
        refusal, (level,) = draw([bucket], [level], now)
        passed += refusal is None
        assert 0 <= level.left <= per_minute
        if refusal is not None:
            again, _ = draw([bucket], [level], now + refusal.retry_after_s + 1e-6)
            assert again is None
    assert passed <= per_minute + now * per_minute / 60 + 1e-6


def test_who_is_refused_by_one_limit_uses_up_no_other() -> None:
    empty, full = Bucket(Kind.CALLER, "a", 6), Bucket(Kind.CALLS, "all", 60)
    refusal, levels = draw([full, empty], [None, Level(0.5, 0.0)], 1.0)
    assert refusal is not None
    assert refusal.kind is Kind.CALLER
    assert refusal.retry_after_s == pytest.approx(4.0)
    assert [level.left for level in levels] == [60, pytest.approx(0.6)]


def test_a_clock_that_steps_back_takes_nothing_away() -> None:
    refusal, (level,) = draw([Bucket(Kind.CALLER, "a", 6)], [Level(3.0, 100.0)], 40.0)
    assert (refusal, level.left) == (None, 2.0)


def test_what_a_process_remembers_is_bounded() -> None:
    buckets = LocalBuckets(Moved(), most=10)
    everybody = Bucket(Kind.CALLS, "all", 100)
    for number in range(100):
        assert buckets.draw([everybody, Bucket(Kind.CALLER, str(number), 1)], once=str(number)) is None
    assert len(buckets._levels) == len(buckets._answers) == 10
    refusal = buckets.draw([everybody])
    assert refusal is not None, "what is used all the time is not forgotten"


def test_an_empty_bucket_fills_again() -> None:
    clock = Moved()
    buckets, bucket = LocalBuckets(clock), Bucket(Kind.CALLER, "a", 60)
    assert [buckets.draw([bucket]) for _ in range(60)] == [None] * 60
    assert buckets.draw([bucket]) == Refusal(Kind.CALLER, 1.0)
    clock.seconds += 1
    assert buckets.draw([bucket]) is None
    assert buckets.draw([bucket]) is not None


def test_a_pseudonym_says_nothing_without_the_key() -> None:
    one, another = Pseudonyms("a pepper of the tests"), Pseudonyms("another pepper of the tests")
    assert one.of("+18005550100") == one.of("+18005550100") != another.of("+18005550100")
    assert "8005550100" not in one.of("+18005550100")


def test_a_limit_of_nothing_is_refused_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMIT_CALLS_PER_CALLER_PER_MINUTE", "0")
    with pytest.raises(SettingsError, match="LIMIT_CALLS_PER_CALLER_PER_MINUTE"):
        load(LimitSettings)
