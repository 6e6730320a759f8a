"""When somebody may be called, by the clock on their own wall. Pure.

A number tells where it was given out, and for some only in which of several time zones: then it must be a good time in
all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from phonenumbers import PhoneNumberType
from phonenumbers.timezone import time_zones_for_number

STEP: Final = timedelta(minutes=15)
LOOKED_AHEAD: Final = timedelta(days=2)


def zones_of(number: str) -> list[ZoneInfo]:
    """Where this E.164 number may ring; none for a toll-free one, which is a business's and nobody's bedroom."""
    parsed = phonenumbers.parse(number)
    if phonenumbers.number_type(parsed) == PhoneNumberType.TOLL_FREE:
        return []
    return list(_known(time_zones_for_number(parsed)))


def _known(names: Iterable[str]) -> Iterable[ZoneInfo]:
    for name in names:
        try:
            yield ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            yield ZoneInfo("UTC")  # the library's word for a number it cannot place; every real place has a clock


def next_good_time(now: datetime, zones: Iterable[ZoneInfo], hours: tuple[time, time]) -> datetime:
    """`now` when it is between the hours in all zones, or else the next time that it is, to a quarter of an hour.

    Where the zones lie so far apart that there is none within two days, the end of those days.
    """
    places = list(zones)
    moment, last = now, now + LOOKED_AHEAD
    while moment < last and not all(_is_good(moment, place, hours) for place in places):
        moment = moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0) + STEP
    return moment


def _is_good(moment: datetime, place: ZoneInfo, hours: tuple[time, time]) -> bool:
    begin, end = hours
    return begin <= moment.astimezone(place).time() < end
