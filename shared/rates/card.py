"""The rate card: dated prices, each with its source. What is not on it has an unknown price, not a price of 0."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date
from decimal import ROUND_CEILING, Decimal
from functools import cache
from importlib.resources import files
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from shared.rates.usage import Product, Unit

Words = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]


class Rate(BaseModel):
    """What a product costs from a day on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: Annotated[Words, Field(max_length=30)]
    item: Annotated[Words, Field(max_length=100)]
    unit: Unit
    price: Decimal = Field(ge=0, description="of `per` units; a string, so that no digit is lost")
    per: Decimal = Field(default=Decimal(1), gt=0)
    rounded_up_to: Decimal | None = Field(default=None, gt=0, description="what is begun of so many units is billed")
    currency: str = Field(pattern="^[A-Z]{3}$", description="ISO 4217")
    valid_from: date
    source: Words = Field(description="where the price was read")
    read_on: date

    @property
    def product(self) -> Product:
        """Whose price it is."""
        return Product(self.provider, self.item)

    def amount(self, quantity: Decimal) -> Decimal:
        """The price of so many units."""
        if self.rounded_up_to is not None:
            quantity = (quantity / self.rounded_up_to).to_integral_value(ROUND_CEILING) * self.rounded_up_to
        return quantity * self.price / self.per


class RateCard:
    """All rates that are known."""

    def __init__(self, rates: Iterable[Rate]) -> None:
        self._rates: dict[tuple[Product, Unit], list[Rate]] = {}
        for rate in sorted(rates, key=lambda rate: rate.valid_from, reverse=True):
            self._rates.setdefault((rate.product, rate.unit), []).append(rate)

    def rate(self, product: Product, unit: Unit, on: date) -> Rate | None:
        """What held on that day: the newest rate that had begun; None when no price is known."""
        return next((rate for rate in self._rates.get((product, unit), ()) if rate.valid_from <= on), None)

    def replaced_by(self, own: RateCard) -> Self:
        """The same card with the rows of another one, which count alone for the products they name."""
        merged = {**self._rates, **own._rates}
        return type(self)(rate for rates in merged.values() for rate in rates)


def read_card(text: str) -> RateCard:
    """The card in a TOML text of `[[rate]]` tables. Raises ValueError, whose message says what to mend."""
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"is no TOML: {error}") from error
    rows = document.pop("rate", [])
    if document or not isinstance(rows, list):
        raise ValueError("may hold [[rate]] tables only")
    return RateCard(_rate(row, number) for number, row in enumerate(rows, start=1))


def _rate(row: object, number: int) -> Rate:
    try:
        return Rate.model_validate(row)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise ValueError(f"rate {number}: {where}: {problem['msg']}") from None


@cache
def packaged_card() -> RateCard:
    """The list prices that come with the platform."""
    return read_card((files("shared.rates") / "list_prices.toml").read_text(encoding="utf-8"))
