"""A run is killed before or after any of its steps, and the next one ends with one whole case."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.ticketing.adapters.memory_desk import MemoryDesk
from services.ticketing.application.ports import StillUnknown
from shared.clock import SystemClock
from shared.contracts.tickets import TicketState
from shared.database.engine import Sessions
from tests.integration.ticketing.conftest import Room


class Killed(BaseException):
    """The process is gone: nothing after this line runs, not even what tidies up."""


@dataclass
class Steps:
    """Counts the calls of a run and kills it at one of them."""

    kill_at: int
    """The number of the call; 0 kills nothing."""
    after: bool
    """The call is carried out and its result is lost, instead of not being carried out."""
    made: Counter[str] = field(default_factory=Counter)
    dead: bool = False

    def watch(self, thing: object) -> Any:
        return _Watched(thing, self)


class _Watched:
    def __init__(self, thing: object, steps: Steps) -> None:
        self._thing = thing
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        method, steps = getattr(self._thing, name), self._steps

        def call(*arguments: Any, **named: Any) -> Any:
            if steps.dead:
                raise Killed
            steps.made[name] += 1
            here = steps.made.total() == steps.kill_at
            if here and not steps.after:
                steps.dead = True
                raise Killed
            result = method(*arguments, **named)
            if here:
                steps.dead = True
                raise Killed
            return result

        return call


@pytest.fixture
def memory_room(sessions: Sessions) -> Room:
    """No lease and no quiet time, so that the next run may start at once."""
    return Room(sessions, MemoryDesk(SystemClock()), quiet_s=0, lease=timedelta())


def run(room: Room, ticket_id: UUID, steps: Steps) -> None:
    desk = room.desk(steps.watch(room.ledger), steps.watch(room.help_desk))
    with suppress(Killed, StillUnknown):
        desk.open_ticket(ticket_id)


@pytest.mark.parametrize("after", [False, True])
def test_a_run_may_be_killed_at_any_step(memory_room: Room, after: bool) -> None:
    undisturbed = Steps(0, after)
    run(memory_room, memory_room.planned(), undisturbed)
    assert undisturbed.made["create_case"] == 1
    assert undisturbed.made.total() >= 9
    desk = memory_room.help_desk
    assert isinstance(desk, MemoryDesk)
    for step in range(1, undisturbed.made.total() + 1):
        ticket_id = memory_room.planned(caller_address=f"+1312555{step:04d}")
        run(memory_room, ticket_id, Steps(step, after))
        for _ in range(2):
            run(memory_room, ticket_id, Steps(0, after))
        ticket = memory_room.ticket(ticket_id)
        cases = [case for case in desk.cases.values() if ticket.marker in case.draft.tags]
        assert (ticket.state, len(cases)) == (TicketState.OPEN, 1), f"killed at step {step}"
        assert list(cases[0].notes) == [f"{ticket.marker}:transcript:1"], f"killed at step {step}"
        people = [person for person in desk.people.values() if person.phone == f"+1312555{step:04d}"]
        assert len(people) == 1, f"killed at step {step}"


def test_two_deaths_in_a_row_change_nothing(memory_room: Room) -> None:
    desk = memory_room.help_desk
    assert isinstance(desk, MemoryDesk)
    for first in range(1, 11, 3):
        for second in range(1, 11, 2):
            ticket_id = memory_room.planned()
            run(memory_room, ticket_id, Steps(first, after=True))
            run(memory_room, ticket_id, Steps(second, after=False))
            run(memory_room, ticket_id, Steps(0, after=False))
            marker = memory_room.ticket(ticket_id).marker
            cases = [case for case in desk.cases.values() if marker in case.draft.tags]
            assert len(cases) == 1, f"killed at steps {first} and {second}"
            assert list(cases[0].notes) == [f"{marker}:transcript:1"]
