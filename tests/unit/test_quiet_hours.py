"""When somebody may be called, by their own clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from services.gateway.outbound.quiet_hours import LOOKED_AHEAD, next_good_time, zones_of
from shared.settings import OutboundSettings, SettingsError, load

HOURS = (time(8), time(21))
NEW_YORK, ADELAIDE_OR_PERTH, TOLL_FREE = "+12025550123", "+61412345678", "+18005550100"


def good(number: str, now: str) -> str:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    return next_good_time(moment, zones_of(number), HOURS).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(
    ("number", "now", "then"),
    [
        (NEW_YORK, "2026-11-20T12:59", "2026-11-20T13:00"),  # 07:59 in the winter
        (NEW_YORK, "2026-11-20T13:00", "2026-11-20T13:00"),
        (NEW_YORK, "2026-07-20T12:00", "2026-07-20T12:00"),  # 08:00 in the summer
        (NEW_YORK, "2026-11-21T01:59", "2026-11-21T01:59"),
        (NEW_YORK, "2026-11-21T02:00", "2026-11-21T13:00"),
        (ADELAIDE_OR_PERTH, "2026-11-20T00:30", "2026-11-20T01:30"),  # 08:00 on the Cocos Islands, the last of them
        (TOLL_FREE, "2026-11-20T04:00", "2026-11-20T04:00"),
    ],
)
def test_it_must_be_a_good_time_wherever_the_number_may_ring(number: str, now: str, then: str) -> None:
    assert good(number, now) == then


def test_the_clocks_that_change_in_the_night_are_followed() -> None:
    """On 1 November 2026 New York goes back an hour: eight o'clock is 13:00 UTC and no longer 12:00."""
    assert good(NEW_YORK, "2026-11-01T03:00") == "2026-11-01T13:00"


def test_places_without_a_common_hour_are_not_looked_at_for_ever() -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    narrow = (time(8), time(8, 15))
    assert next_good_time(now, zones_of(ADELAIDE_OR_PERTH), narrow) - now <= LOOKED_AHEAD + timedelta(minutes=15)


@pytest.mark.parametrize("wrong", ["8-21", "08:00", "21:00-08:00", "never"])
def test_hours_that_are_none_are_refused_at_start(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTBOUND_HOURS", wrong)
    with pytest.raises(SettingsError, match="OUTBOUND_HOURS"):
        load(OutboundSettings)


def test_any_time_must_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(OutboundSettings).outbound_times == HOURS
    monkeypatch.setenv("OUTBOUND_HOURS", "any")
    assert load(OutboundSettings).outbound_times is None
