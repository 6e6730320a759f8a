"""A circuit breaker as a client sees it: asked before each call, told how the call went.

Both are answered from this process's own memory. A board (`board.py`) carries what happened to the other processes and
brings what they know; a breaker without one works alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from shared.clock import Clock
from shared.errors import Transient
from shared.observability import metrics
from shared.resilience.circuit import USUAL, Circuit, CircuitState, Rules, after_failure, after_success, probing

ALONE = "this process"

Change = Callable[[Circuit, float], Circuit]
"""What happened, as a function of what is known and of the time."""


class BreakerOpen(Transient):
    """The provider failed too often a moment ago and is left alone for now."""


class Breaker:
    """Of one provider, for all clients of it in a process."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        rules: Rules = USUAL,
        who: str = ALONE,
        tell: Callable[[Breaker, Change], None] | None = None,
        is_late: Callable[[], bool] = lambda: False,
    ) -> None:
        """`who` is this process, as other processes know it; `tell` is given what changed, and may not wait.

        `is_late` says whether this process itself is so slow that what it waits for in vain proves nothing.
        """
        self.name = name
        self.rules = rules
        self.wanted = False
        """Somebody would have called since the rest was over."""
        self.is_shared = False
        """Whether a board sees to it that one process at a time probes."""
        self._clock = clock
        self._who = who
        self._tell = tell
        self._is_late = is_late
        self._circuit = Circuit()
        self._ahead_s = 0.0
        self._probe_is_taken = False

    @property
    def circuit(self) -> Circuit:
        """What is known."""
        return self._circuit

    @property
    def is_closed(self) -> bool:
        """Whether the provider is called."""
        return self._circuit.is_closed

    @property
    def is_resting(self) -> bool:
        """Whether nobody would be let through now, not even to try."""
        return not (self.is_closed or self.is_mine_to_probe or self._circuit.may_be_probed(self.now()))

    @property
    def is_mine_to_probe(self) -> bool:
        """Whether this process is the one that tries."""
        return self._circuit.state is CircuitState.HALF_OPEN and self._circuit.prober == self._who

    def now(self) -> float:
        """Seconds on the clock of the circuit's times."""
        return self._clock.monotonic() + self._ahead_s

    def set_clock(self, ahead_s: float) -> None:
        """The shared clock is so far ahead of this machine's monotonic one."""
        moved = ahead_s - self._ahead_s
        self._ahead_s = ahead_s
        old = self._circuit
        self._circuit = replace(
            old, since=old.since + moved, failed_at=old.failed_at + moved, probe_at=old.probe_at + moved
        )

    def enter(self) -> None:
        """Ask to call the provider. Raises BreakerOpen while it is left alone.

        When its rest is over one caller is let through as the probe; the others wait until that one has reported back.
        """
        if self._circuit.is_closed:
            return
        if self.is_mine_to_probe and not self._probe_is_taken:
            self._probe_is_taken = True
            return
        if self._circuit.may_be_probed(self.now()):
            if not self.is_shared:
                self._change(partial(_probing, who=self._who, rules=self.rules))
                self._probe_is_taken = True
                return
            self.wanted = True
        raise BreakerOpen(f"{self.name} is not being tried for a moment")

    def succeeded(self) -> None:
        """The provider answered."""
        self._change(partial(_succeeded, who=self._who, rules=self.rules))

    def failed(self, reason: str = "", *, sure: bool = False) -> None:
        """The provider did not answer, or answered with an outage; `sure` when it will do so again.

        `reason` is shown to operators of every process: an error's name, never its text. Of a process that is late
        itself only what is sure counts: it would keep all others from a provider that is well.
        """
        if self._is_late() and not sure:
            metrics.breaker_uncounted_total.labels(provider=self.name).inc()
            return
        self._change(partial(_failed, who=self._who, reason=reason, rules=self.rules, sure=sure))

    def learn(self, circuit: Circuit) -> None:
        """This is what all processes together know."""
        if circuit.prober != self._circuit.prober or circuit.probe_at != self._circuit.probe_at:
            self._probe_is_taken = False
        if not circuit.may_be_probed(self.now()):
            self.wanted = False
        self._circuit = circuit

    def _change(self, change: Change) -> None:
        changed = change(self._circuit, self.now())
        if changed is self._circuit:
            return
        self.learn(changed)
        if self._tell is not None:
            self._tell(self, change)


def _failed(circuit: Circuit, now: float, *, who: str, reason: str, rules: Rules, sure: bool) -> Circuit:
    return after_failure(circuit, who, now, reason, rules, sure=sure)


def _succeeded(circuit: Circuit, now: float, *, who: str, rules: Rules) -> Circuit:
    return after_success(circuit, who, now, rules)


def _probing(circuit: Circuit, now: float, *, who: str, rules: Rules) -> Circuit:
    return probing(circuit, who, now, rules)
