"""A circuit breaker for one provider in one process."""

from __future__ import annotations

from shared.clock import Clock
from shared.errors import Transient


class BreakerOpen(Transient):
    """The provider failed too often a moment ago and is left alone for now."""


class Breaker:
    """Opens after `failures` failures in a row; after `rest` seconds one caller may try again."""

    def __init__(self, name: str, clock: Clock, failures: int = 3, rest: float = 10.0) -> None:
        self.name = name
        self._clock = clock
        self._allowed_failures = failures
        self._rest = rest
        self._failures = 0
        self._opened_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether calls are refused at this moment."""
        return self._opened_at is not None and self._clock.monotonic() - self._opened_at < self._rest

    def enter(self) -> None:
        """Ask to call the provider. Raises BreakerOpen while it is left alone.

        The first caller after the rest is the probe: the others wait until it reported back or the rest is over again.
        """
        if self.is_open:
            raise BreakerOpen(f"{self.name} is not being tried for a moment")
        if self._opened_at is not None:
            self._opened_at = self._clock.monotonic()

    def succeeded(self) -> None:
        """The provider answered."""
        self._failures = 0
        self._opened_at = None

    def failed(self) -> None:
        """The provider did not answer, or answered with an outage."""
        self._failures += 1
        if self._failures >= self._allowed_failures:
            self._opened_at = self._clock.monotonic()
