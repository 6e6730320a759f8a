"""API keys, XML text and the breaker: small rules with sharp edges."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.resilience.backoff import backoff
from shared.resilience.breaker import Breaker, BreakerOpen
from shared.resilience.circuit import Rules
from shared.security.api_keys import is_well_formed, key_hash, new_key
from shared.security.xml_text import clean_xml_text


def test_keys_are_recognised_and_typing_errors_too() -> None:
    key = new_key()
    assert is_well_formed(key)
    swapped = key[:-1] + ("0" if key[-1] != "0" else "1")
    assert not is_well_formed(swapped)
    assert not is_well_formed(key[:-1])
    assert not is_well_formed("cw_live_" + "é" * 43)
    assert new_key() != key


def test_the_pepper_is_part_of_the_hash() -> None:
    assert key_hash("key", "one") != key_hash("key", "two")
    assert len(key_hash("key", "one")) == 32


@given(st.text(alphabet=st.characters()))
def test_cleaned_text_always_parses(text: str) -> None:
    element = ET.Element("Say")
    element.text = clean_xml_text(text)
    document = ET.tostring(element, encoding="utf-8")
    read = ET.fromstring(document).text or ""
    assert read.replace("\n", "") == clean_xml_text(text).replace("\r", "").replace("\n", "")


def test_control_characters_and_half_letters_are_dropped() -> None:
    assert clean_xml_text("a\x00b\x0bc\ud800d￾e") == "abcde"
    assert len(clean_xml_text("x" * 10_000)) == 3000


class HandClock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


def test_a_breaker_opens_rests_and_lets_one_probe_through() -> None:
    clock = HandClock()
    breaker = Breaker("speech", clock, Rules(failures=2, rest_s=10))
    breaker.enter()
    breaker.failed()
    breaker.enter()
    breaker.failed()
    with pytest.raises(BreakerOpen):
        breaker.enter()
    clock.seconds += 10
    breaker.enter()  # the probe
    with pytest.raises(BreakerOpen):
        breaker.enter()  # everybody else waits for it
    breaker.succeeded()
    breaker.enter()


def test_one_success_forgets_earlier_failures() -> None:
    breaker = Breaker("speech", HandClock(), Rules(failures=2))
    for _ in range(5):
        breaker.failed()
        breaker.succeeded()
    breaker.enter()


def test_waits_grow_and_stay_below_the_highest() -> None:
    waits = list(islice(backoff(1, 8), 8))
    assert all(0.5 <= wait <= 8 for wait in waits)
    assert all(4 <= wait <= 8 for wait in waits[3:])
