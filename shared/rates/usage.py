"""What is used of providers, counted in the units they bill."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class Unit(StrEnum):
    """What a provider counts."""

    INPUT_TOKENS = "input_tokens"
    """Tokens of a prompt that no cache held."""
    CACHED_TOKENS = "cached_tokens"
    CACHE_WRITE_TOKENS = "cache_write_tokens"
    """Tokens of a prompt that went into the provider's cache; not among the input tokens."""
    OUTPUT_TOKENS = "output_tokens"
    CHARACTERS = "characters"
    SECONDS = "seconds"
    TIMES = "times"


class Product(NamedTuple):
    """A line of a provider's price list."""

    provider: str
    item: str


MEDIA_STREAMS = Product("twilio", "media streams")
CONVERSATION_RELAY = Product("twilio", "conversation relay")
RECORDING = Product("twilio", "recording")
MACHINE_DETECTION = Product("twilio", "machine detection")


@dataclass(frozen=True, slots=True)
class Used:
    """So much of a product."""

    product: Product
    unit: Unit
    quantity: Decimal
    is_estimate: bool = False
    """At least some of it was counted by us because the provider did not say."""


class Meter:
    """Adds up what one call, or one task, uses."""

    def __init__(self) -> None:
        self._quantities: dict[tuple[Product, Unit], float] = {}
        self._estimates: set[tuple[Product, Unit]] = set()

    def add(self, product: Product, unit: Unit, quantity: float, *, is_estimate: bool = False) -> None:
        """So much more was used."""
        self._quantities[product, unit] = self._quantities.get((product, unit), 0) + quantity
        if is_estimate:
            self._estimates.add((product, unit))

    @property
    def used(self) -> tuple[Used, ...]:
        """Everything so far, to a thousandth."""
        return tuple(
            Used(*key, quantity=Decimal(f"{quantity:.3f}"), is_estimate=key in self._estimates)
            for key, quantity in self._quantities.items()
        )


def tokens_by_price(prompt: int, completion: int, *, cached: int, written: int) -> dict[Unit, int]:
    """A model's own count by what it bills apart: its prompt tokens hold those its cache had or was given."""
    return {
        Unit.INPUT_TOKENS: prompt - cached - written,
        Unit.CACHED_TOKENS: cached,
        Unit.CACHE_WRITE_TOKENS: written,
        Unit.OUTPUT_TOKENS: completion,
    }
