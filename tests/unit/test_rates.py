"""The rate card: prices by their day, rounding, rows of one's own, and what a card that cannot be used says."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from shared.rates.card import packaged_card, read_card
from shared.rates.usage import MEDIA_STREAMS, RECORDING, Meter, Product, Unit, Used, tokens_by_price
from shared.settings import RateSettings, SettingsError, load

TODAY = date(2026, 11, 20)
NOVA = Product("deepgram", "nova-3")
MINE = """
[[rate]]
provider = "deepgram"
item = "nova-3"
unit = "seconds"
price = "0.0042"
per = 60
currency = "EUR"
valid_from = 2026-11-01
source = "our contract"
read_on = 2026-11-01
"""
DEARER = MINE.replace('"0.0042"', "0.0060").replace("valid_from = 2026-11-01", "valid_from = 2027-01-01")


def test_what_is_begun_of_a_minute_is_billed_where_the_vendor_bills_so() -> None:
    for product, seconds, price in (
        (MEDIA_STREAMS, 0, "0"), (MEDIA_STREAMS, 1, "0.004"), (MEDIA_STREAMS, 60, "0.004"),
        (MEDIA_STREAMS, 61, "0.008"), (RECORDING, 150, "0.0075"), (NOVA, 90, "0.0072"),
    ):  # fmt: skip
        rate = packaged_card().rate(product, Unit.SECONDS, TODAY)
        assert rate is not None
        assert rate.amount(Decimal(seconds)) == Decimal(price), (product, seconds)


def test_what_is_not_on_the_card_has_no_price() -> None:
    card = packaged_card()
    assert card.rate(Product("deepgram", "nova-9"), Unit.SECONDS, TODAY) is None
    assert card.rate(NOVA, Unit.CHARACTERS, TODAY) is None
    assert card.rate(NOVA, Unit.SECONDS, date(2020, 1, 1)) is None, "nobody knows what it cost before"


def test_a_call_keeps_the_price_of_its_day() -> None:
    card = read_card(DEARER + MINE)
    for day, price in ((date(2026, 11, 1), "0.0042"), (date(2026, 12, 31), "0.0042"), (date(2027, 1, 1), "0.0060")):
        rate = card.rate(NOVA, Unit.SECONDS, day)
        assert rate is not None
        assert rate.price == Decimal(price)
    assert card.rate(NOVA, Unit.SECONDS, date(2026, 10, 31)) is None


def test_rows_of_ones_own_take_the_place_of_the_list_price(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "rates.toml"
    mine.write_text(MINE)
    monkeypatch.setenv("RATE_CARD_FILE", str(mine))
    card = load(RateSettings).rates
    rate = card.rate(NOVA, Unit.SECONDS, TODAY)
    assert rate is not None
    assert (rate.price, rate.currency) == (Decimal("0.0042"), "EUR")
    assert card.rate(NOVA, Unit.SECONDS, date(2026, 10, 31)) is None, "the list price is not ours for any day"
    assert card.rate(MEDIA_STREAMS, Unit.SECONDS, TODAY) is not None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rate = 1", "[[rate]]"),
        ("[[rates]]\n", "[[rate]]"),
        ("[[rate]", "is no TOML"),
        (MINE + MINE.replace('"0.0042"', '"-1"'), "rate 2: price"),
        (MINE.replace('"seconds"', '"hours"'), "rate 1: unit"),
        (MINE.replace('source = "our contract"\n', ""), "rate 1: source"),
        (MINE.replace('"EUR"', '"euro"'), "rate 1: currency"),
        (MINE + 'colour = "red"\n', "rate 1: colour"),
    ],
)
def test_a_card_that_cannot_be_used_stops_the_service_and_says_why(
    text: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "rates.toml"
    mine.write_text(text)
    monkeypatch.setenv("RATE_CARD_FILE", str(mine))
    with pytest.raises(SettingsError) as refused:
        load(RateSettings)
    (line,) = refused.value.lines
    assert line.startswith("RATE_CARD: ")
    assert says in line
    assert "\n" not in line


def test_a_meter_adds_up_and_remembers_what_was_guessed() -> None:
    meter = Meter()
    meter.add(NOVA, Unit.SECONDS, 1.25)
    meter.add(NOVA, Unit.SECONDS, 2.0001)
    meter.add(NOVA, Unit.CHARACTERS, 3)
    meter.add(NOVA, Unit.CHARACTERS, 4, is_estimate=True)
    assert meter.used == (
        Used(NOVA, Unit.SECONDS, Decimal("3.250")),
        Used(NOVA, Unit.CHARACTERS, Decimal(7), is_estimate=True),
    )


def test_no_token_is_billed_twice() -> None:
    tokens = tokens_by_price(3120, 5, cached=3072, written=40)
    assert tokens == {
        Unit.INPUT_TOKENS: 8, Unit.CACHED_TOKENS: 3072, Unit.CACHE_WRITE_TOKENS: 40, Unit.OUTPUT_TOKENS: 5,
    }  # fmt: skip
