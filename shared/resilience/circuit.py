"""What is known of one provider's health, and how it changes: pure functions of what is known, what happened and when.

Closed: it is called. Open: it failed too often and is left alone. Half open: one process at a time, the prober, tries
it. The same rules hold whether the knowledge lies in one process or is shared by all through Redis. Times are seconds
on whatever clock the processes share.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class CircuitState(StrEnum):
    """Whether the provider is called."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Rules:
    """When a provider is left alone, and when it is tried again."""

    failures: int = 3
    """So many in a row, in all processes together, open the circuit."""
    within_s: float = 60.0
    """Failures further apart than this are not in a row."""
    rest_s: float = 2.0
    """From the opening to the first probe; doubled after each probe that fails."""
    longest_rest_s: float = 30.0
    lease_s: float = 10.0
    """How long a probe may take before another process may try."""
    leftovers_s: float = 2.0
    """A success this soon after the opening is the end of something that began before it, and proves nothing."""


USUAL: Final = Rules()


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is known of one provider."""

    state: CircuitState = CircuitState.CLOSED
    since: float = 0.0
    """When it came into this state; going to and fro between open and half open is one outage."""
    failures: int = 0
    """In a row."""
    failed_at: float = 0.0
    reason: str = ""
    """Of the last failure: an error's name, never its text."""
    rest_s: float = 0.0
    probe_at: float = 0.0
    """When somebody may try: at the end of the rest, or of the present prober's lease."""
    prober: str = ""
    """Who tries, or tried last."""

    @property
    def is_closed(self) -> bool:
        """Whether it is called."""
        return self.state is CircuitState.CLOSED

    def may_be_probed(self, now: float) -> bool:
        """Whether it is time for somebody to try."""
        return not self.is_closed and now >= self.probe_at


def after_failure(circuit: Circuit, who: str, now: float, reason: str, rules: Rules, *, sure: bool = False) -> Circuit:
    """The provider failed; `sure` when it will do so again, as one that refuses our key will."""
    match circuit.state:
        case CircuitState.CLOSED:
            in_a_row = circuit.failures + 1 if now - circuit.failed_at < rules.within_s else 1
            failed = replace(circuit, failures=in_a_row, failed_at=now, reason=reason)
            if not sure and in_a_row < rules.failures:
                return failed
            opened = replace(failed, state=CircuitState.OPEN, since=now, prober="", rest_s=rules.rest_s)
            return replace(opened, probe_at=now + rules.rest_s)
        case CircuitState.HALF_OPEN if circuit.prober == who:
            rest_s = min(circuit.rest_s * 2, rules.longest_rest_s)
            again = replace(circuit, state=CircuitState.OPEN, failures=circuit.failures + 1, failed_at=now)
            return replace(again, reason=reason, rest_s=rest_s, probe_at=now + rest_s)
        case _:
            return circuit


def after_success(circuit: Circuit, who: str, now: float, rules: Rules) -> Circuit:
    """The provider did what was asked of it."""
    if circuit.is_closed:
        return replace(circuit, failures=0) if circuit.failures else circuit
    probed = circuit.state is CircuitState.HALF_OPEN and circuit.prober == who
    if not probed and now - circuit.since < rules.leftovers_s:
        return circuit
    return Circuit(since=now)


def probing(circuit: Circuit, who: str, now: float, rules: Rules) -> Circuit:
    """`who` tries, unless it is not time yet; until the lease is over nobody else does."""
    if not circuit.may_be_probed(now):
        return circuit
    return replace(circuit, state=CircuitState.HALF_OPEN, prober=who, probe_at=now + rules.lease_s)
