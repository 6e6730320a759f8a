"""Nothing personal and nothing secret passes the last net."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.security.api_keys import new_key
from shared.security.redaction import is_card_number, redact, without_card_numbers

CARD = "4111 1111 1111 1111"


@pytest.mark.parametrize(
    ("text", "hidden", "kind"),
    [
        ("write to jane.doe+home@mail.example.com please", "jane.doe", "[email]"),
        ("it is jane dot doe at example dot com", "jane", "[email]"),
        ("J underscore doe seven at example dot co dot uk", "doe", "[email]"),
        ("call +1 (202) 555-0142 now", "555-0142", "[phone]"),
        ("+442079460958", "2079460958", "[phone]"),
        (f"card {CARD} thanks", "4111", "[card]"),
        ("number 202 555 0142 99", "0142", "[digits]"),
        ("two oh two five five five oh one four two", "five", "[digits]"),
        ("Authorization: Bearer abcdefghij0123456789", "abcdefghij", "[secret]"),
        ("postgresql://user:hunter2@db:5432/x", "hunter2", "[secret]"),
        ("token=eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "eyJ", "[secret]"),
        ("SK0123456789abcdef0123456789abcdef", "SK01", "[secret]"),
        ("sk-proj-abcdefghijklmnopqrstuvwxyz", "abcdef", "[secret]"),
    ],
)
def test_it_is_replaced_by_its_kind(text: str, hidden: str, kind: str) -> None:
    cleaned = redact(text)
    assert hidden not in cleaned
    assert kind in cleaned


def test_an_api_key_is_a_secret() -> None:
    key = new_key()
    assert key not in redact(f"key {key} end")


@pytest.mark.parametrize(
    "text",
    [
        "Hold the button for 10 seconds.",
        "The fee is 12.50 since 2026-11-20 at 14:05.",
        "CA0123456789abcdef0123456789abcdef",
        "at the dot in the middle",
        "turn 12 took 843 ms",
        "d2f1c7a4-0f43-4b3e-9a66-0c1d2e3f4a5b",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redact(text) == text


@given(st.text(max_size=300))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize("part", ["1 ", "a.", "a@a.", "one ", "a dot ", "+1 ", "eyJaaaaaaaa.", "cw_a", "://a:b"])
def test_hostile_text_costs_linear_time(part: str) -> None:
    text = part * (100_000 // len(part))
    began = time.perf_counter()
    redact(text)
    assert time.perf_counter() - began < 1.0


def test_cards_are_told_by_their_check_digit() -> None:
    assert is_card_number(CARD)
    assert not is_card_number("4111 1111 1111 1112")
    assert not is_card_number("411111111111")


def test_the_record_loses_cards_and_keeps_contact_data() -> None:
    text = f"{CARD}, jane@example.com, +12025550142"
    assert without_card_numbers(text) == "[card], jane@example.com, +12025550142"
