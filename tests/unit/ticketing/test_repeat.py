"""When a call is about an open problem, and every doubt that makes it a new one."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from services.ticketing.domain.category import Category
from services.ticketing.domain.conversation import Caller
from services.ticketing.domain.repeat import EarlierTicket, is_repeat
from services.ticketing.domain.summary import Summary
from tests.unit.ticketing.heard import caller, conversation, summary

NUMBER = "+13125550142"
DANA = Caller(NUMBER, None, "dana@example.test", email_confirmed=True)


def a_summary(subject: str, wish: str = "", category: Category = Category.TECHNICAL) -> Summary:
    return summary(subject=subject, wish=wish, category=category).summary


def earlier(before: Summary, who: Caller | None = None, language: str = "en") -> EarlierTicket:
    return EarlierTicket(uuid4(), 7, None, 412, who or Caller(NUMBER), language, before)


def repeats(now: Summary, before: EarlierTicket, **more: Any) -> bool:
    return is_repeat(conversation(caller("It is about my router."), **more), now, before)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("Router restarts every hour", "My router keeps restarting since the update."),
        ("My router keeps restarting since the update.", "Calling again: the router is still restarting"),
        ("No internet at home", "Still no internet at home since yesterday"),
        ("Charged twice for invoice 4411", "I was charged twice on my invoice"),
        ("Order 5512 has not arrived", "Where is order 5512? It has not arrived"),
        ("The modem\u2019s lights stopped blinking", "Modem light is not blinking"),
    ],
)
def test_the_same_problem_in_other_words(before: str, now: str) -> None:
    assert repeats(a_summary(now), earlier(a_summary(before)))


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("Router restarts every hour", "The router's red light is on"),
        ("Order 5512 has not arrived", "Order 4411 has not arrived"),
        ("Wants an engineer visit on Monday morning", "Wants an engineer visit on Friday morning"),
        ("I was charged twice on my invoice", "I did not receive the invoice"),
        ("I have a question", "I have a question"),
        ("Help", "Help"),
        ("", ""),
    ],
)
def test_another_problem(before: str, now: str) -> None:
    assert not repeats(a_summary(now), earlier(a_summary(before)))


SAME = a_summary("Router restarts every hour")


@pytest.mark.parametrize(
    ("before", "more"),
    [
        (earlier(a_summary("Router restarts every hour", category=Category.BILLING)), {}),
        (earlier(SAME, language="de"), {}),
        (earlier(SAME), {"language": "de-DE"}),
        (earlier(SAME, Caller("+13125550143")), {}),
        (earlier(SAME, Caller(None)), {"caller": Caller(None)}),
        (earlier(SAME, DANA), {"caller": Caller(NUMBER, None, "lee@example.test", email_confirmed=True)}),
        (earlier(SAME), {"turns": ()}),
    ],
)
def test_every_doubt_makes_a_new_problem(before: EarlierTicket, more: dict[str, Any]) -> None:
    assert not repeats(SAME, before, **more)


def test_what_is_of_no_category_is_never_the_same() -> None:
    unsure = a_summary("Router restarts every hour", category=Category.UNSURE)
    assert not repeats(unsure, earlier(unsure))


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (DANA, Caller("+442079460958", None, "DANA@example.test", email_confirmed=True)),
        (DANA, Caller(NUMBER)),
        (DANA, Caller(NUMBER, None, "heard@example.test", email_confirmed=False)),
    ],
)
def test_the_same_caller_by_confirmed_address_or_by_number(before: Caller, now: Caller) -> None:
    assert repeats(SAME, earlier(SAME, before), caller=now)
