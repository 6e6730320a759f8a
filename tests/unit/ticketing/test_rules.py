"""Waiting for an unanswered create call, and whose ticket it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ticketing.domain.conversation import Caller
from services.ticketing.domain.requester import UNKNOWN_CALLER, Person, person_of, same_address, same_number
from services.ticketing.domain.waiting import may_create_again, next_look_up


def test_look_ups_come_2_5_15_and_45_seconds_apart_and_then_at_the_end_of_the_quiet_time() -> None:
    moments, now = [], 0.0
    while not may_create_again(now, 90):
        now += next_look_up(now, 90)
        moments.append(round(now, 3))
    assert moments == [2, 7, 22, 67, 90]


@given(st.floats(min_value=0, max_value=1e6), st.floats(min_value=0.2, max_value=600))
def test_there_is_always_a_next_moment(unanswered: float, quiet: float) -> None:
    assert next_look_up(unanswered, quiet) >= 0.1
    assert may_create_again(unanswered + next_look_up(unanswered, quiet), 0)


@pytest.mark.parametrize(
    "typed",
    ["+1 312-555-0142", "+13125550142", "(312) 555-0142", "312.555.0142", "1 312 555 0142", "001 312 555 0142"],
)
def test_a_number_is_recognised_however_it_was_typed(typed: str) -> None:
    assert same_number("+13125550142", typed)


@pytest.mark.parametrize(
    "other", ["+1 312-555-0143", "+44 312 555 0142", "555-014", "0142", "", "Dana", "+", "00", "+49 13125550142"]
)
def test_another_number_is_another_number(other: str) -> None:
    assert not same_number("+13125550142", other)


def test_british_numbers_lose_their_zero() -> None:
    assert same_number("+442079460958", "020 7946 0958")
    assert not same_number("+442079460958", "020 7946 0959")


def test_addresses_compare_without_case() -> None:
    assert same_address("Dana@Example.test ", "dana@example.test")
    assert not same_address("dana@example.test", "dana@example.test.evil")


def test_only_a_confirmed_address_decides_whose_ticket_it_is() -> None:
    heard = Caller("+13125550142", "Dana Reyes", "dana@example.test")
    assert person_of(heard) == Person("Dana Reyes", None, "+13125550142")
    confirmed = Caller(None, None, "dana@example.test", email_confirmed=True)
    assert person_of(confirmed) == Person("Caller dana@example.test", "dana@example.test", None)
    assert person_of(Caller("+13125550142")) == Person("Caller +13125550142", None, "+13125550142")
    assert person_of(Caller(None, "Dana")) == Person(UNKNOWN_CALLER, None, None)
