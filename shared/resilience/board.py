"""The breakers of a process, and what all processes know together: kept in Redis, read from memory.

Twice a second, and at once when something has happened here, the board tells Redis what happened and reads what the
others told. So a provider that fails for one process is avoided by all within a second, and no call waits for Redis.
While Redis is away each process goes by what it sees itself. What a process sees while its own loop is late counts
for nothing.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from pydantic import TypeAdapter, ValidationError

from shared.clock import Clock
from shared.messaging.shared_values import AWAY, SharedValues, heed_cancellation
from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.observability.loop_lag import LoopLag
from shared.resilience.breaker import Breaker, BreakerOpen, Change
from shared.resilience.circuit import USUAL, Circuit, CircuitState, Rules, probing
from shared.task_group import TaskSet

log = get_logger(__name__)

POLL_S: Final = 0.5
REDIS_WITHIN_S: Final = 1.0
"""Redis that takes longer is away: everybody goes alone."""
KEPT_S: Final = 3600.0
"""After so long without news from anybody a provider counts as well."""
MOST_UNTOLD: Final = 1000
"""Things that happened while Redis was away; the oldest are forgotten, what came of them is not."""
LEVELS: Final = {CircuitState.CLOSED: 0, CircuitState.HALF_OPEN: 1, CircuitState.OPEN: 2}

_CIRCUIT: Final = TypeAdapter(Circuit)

Probe = Callable[[], Awaitable[object]]
"""Asks a provider for something small and real. Raises when it is not well."""


@dataclass(slots=True)
class _Kept:
    """One breaker, and what Redis is known to hold of it."""

    breaker: Breaker
    held: bytes = b""
    untold: deque[Change] = field(default_factory=lambda: deque(maxlen=MOST_UNTOLD))
    probe: Probe | None = None
    is_being_tried: bool = False
    shown: CircuitState = CircuitState.CLOSED

    @property
    def key(self) -> str:
        return f"callwright:circuit:{self.breaker.name}"


def name_of_this_process(room: str) -> str:
    """As other processes and operators know it."""
    return f"{room}@{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(2)}"


class Board:
    """One per process. `shared` is None for a process that goes alone."""

    def __init__(self, room: str, clock: Clock, shared: SharedValues | None) -> None:
        self._who = name_of_this_process(room)
        self.lag = LoopLag(clock)
        """How late this process is, as long as the board turns."""
        self._clock = clock
        self._shared = shared
        self._kept: dict[str, _Kept] = {}
        self._news = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._probes = TaskSet("probes")

    def breaker(self, name: str, rules: Rules = USUAL) -> Breaker:
        """The breaker of this provider; the same one each time it is asked for."""
        if name not in self._kept:
            breaker = Breaker(name, self._clock, rules, self._who, self._tell, self._is_late)
            self._kept[name] = _Kept(breaker)
            metrics.breaker_state.labels(provider=name).set(0)
        return self._kept[name].breaker

    def probe_with(self, name: str, probe: Probe) -> None:
        """How the provider is tried when its rest is over; without a probe the next caller is the one who tries."""
        self._kept[name].probe = probe

    def _is_late(self) -> bool:
        return self.lag.is_too_late

    def _tell(self, breaker: Breaker, change: Change) -> None:
        kept = self._kept[breaker.name]
        kept.untold.append(change)
        self._show(kept)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._news.set)

    async def run(self) -> None:
        """Tell, read and probe until cancelled."""
        self._loop = asyncio.get_running_loop()
        measuring = self._loop.create_task(self.lag.run(), name="loop lag")
        try:
            while True:
                self._news.clear()
                await self._exchange()
                heed_cancellation()
                self._probe_what_is_due()
                try:
                    async with asyncio.timeout(POLL_S):
                        await self._news.wait()
                except TimeoutError:
                    continue
        finally:
            self._loop = None
            measuring.cancel()
            await self._probes.close()
            if self._shared is not None:
                await self._shared.close()

    async def _exchange(self) -> None:
        """Tell and read, when there is a Redis."""
        if self._shared is None or not self._kept:
            return
        try:
            async with asyncio.timeout(REDIS_WITHIN_S):
                await self._read(self._shared)
                for kept in list(self._kept.values()):
                    await self._tell_redis(self._shared, kept)
        except AWAY as error:
            self._stand(error)
        else:
            self._stand(None)

    def _stand(self, error: Exception | None) -> None:
        """Whether this process goes alone from now on."""
        for kept in self._kept.values():
            if kept.breaker.is_shared and error is not None:
                log.warning("breaker_alone", provider=kept.breaker.name, error=type(error).__name__)
            kept.breaker.is_shared = error is None

    async def _read(self, shared: SharedValues) -> None:
        every = list(self._kept.values())
        seen = await shared.read([kept.key for kept in every])
        ahead_s = seen.at - self._clock.monotonic()
        for kept, value in zip(every, seen.values, strict=True):
            kept.breaker.set_clock(ahead_s)
            kept.held = value
            if kept.untold:
                continue  # what happened here comes on top of what is known there
            if value:
                kept.breaker.learn(_circuit_of(value))
            elif not kept.breaker.is_closed:
                kept.untold.append(_keep(kept.breaker.circuit))  # Redis has lost its memory, or was away
            self._show(kept)

    async def _tell_redis(self, shared: SharedValues, kept: _Kept) -> None:
        """Have Redis hold what happened here, whatever the others told meanwhile."""
        while kept.untold:
            changes = list(kept.untold)
            known = circuit = _circuit_of(kept.held)
            for change in changes:
                circuit = change(circuit, kept.breaker.now())
            if circuit is not known:
                swapped, kept.held = await shared.swap(kept.key, kept.held, _value_of(circuit), KEPT_S)
                if not swapped:
                    continue
            for _ in changes:
                kept.untold.popleft()
            if not kept.untold:
                kept.breaker.learn(circuit)
                self._show(kept)

    def _probe_what_is_due(self) -> None:
        for kept in self._kept.values():
            due = kept.breaker.circuit.may_be_probed(kept.breaker.now()) and not kept.is_being_tried
            if due and (kept.probe is not None or (kept.breaker.is_shared and kept.breaker.wanted)):
                kept.is_being_tried = True
                self._probes.start(self._try(kept), "probe")

    async def _try(self, kept: _Kept) -> None:
        """Try the provider, or let the next caller try, unless another process was faster."""
        try:
            if kept.breaker.is_shared:
                await self._become_prober(kept)
            if kept.probe is not None:
                with suppress(BreakerOpen):
                    await self._probe(kept.breaker, kept.probe)
        finally:
            kept.is_being_tried = False

    async def _become_prober(self, kept: _Kept) -> None:
        wanted = probing(kept.breaker.circuit, self._who, kept.breaker.now(), kept.breaker.rules)
        if self._shared is None or wanted is kept.breaker.circuit:
            return
        try:
            async with asyncio.timeout(REDIS_WITHIN_S):
                _, kept.held = await self._shared.swap(kept.key, kept.held, _value_of(wanted), KEPT_S)
        except AWAY:
            return  # the next exchange notices
        kept.breaker.learn(_circuit_of(kept.held))
        self._show(kept)

    async def _probe(self, breaker: Breaker, probe: Probe) -> None:
        """Raises BreakerOpen when another process, or a caller, tries already."""
        breaker.enter()
        try:
            async with asyncio.timeout(breaker.rules.lease_s):
                await probe()
        except Exception as error:  # noqa: BLE001  (whatever went wrong, the provider is not well)
            breaker.failed(type(error).__name__)
        else:
            breaker.succeeded()

    def _show(self, kept: _Kept) -> None:
        state, was = kept.breaker.circuit.state, kept.shown
        if state is was:
            return
        kept.shown = state
        metrics.breaker_state.labels(provider=kept.breaker.name).set(LEVELS[state])
        metrics.breaker_transitions_total.labels(provider=kept.breaker.name, state=state.value).inc()
        if CircuitState.HALF_OPEN not in (state, was):
            say = log.info if state is CircuitState.CLOSED else log.warning
            say("breaker_changed", provider=kept.breaker.name, state=state.value, reason=kept.breaker.circuit.reason)

    def report(self) -> Mapping[str, Mapping[str, object]]:
        """For operators: of each provider its state, for how many seconds, why, and who tries it."""
        return {
            name: {
                "state": kept.breaker.circuit.state.value,
                "for_seconds": round(kept.breaker.now() - kept.breaker.circuit.since, 1)
                if kept.breaker.circuit.since
                else None,
                "last_reason": kept.breaker.circuit.reason,
                "prober": kept.breaker.circuit.prober,
                "shared": kept.breaker.is_shared,
            }
            for name, kept in sorted(self._kept.items())
        }


def _circuit_of(value: bytes) -> Circuit:
    if not value:
        return Circuit()
    try:
        return _CIRCUIT.validate_json(value)
    except ValidationError:
        return Circuit()  # of another version: it is written anew


def _value_of(circuit: Circuit) -> bytes:
    return _CIRCUIT.dump_json(circuit)


def _keep(circuit: Circuit) -> Change:
    """Have this known, unless somebody knows better."""
    return lambda known, _: circuit if known.is_closed and not known.since else known
