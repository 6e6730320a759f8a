"""Tickets wait in line while Kayako is away: one knocks, the others wait for their turn, the oldest goes first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, update

from lab.kayako.faults import KayakoFault
from services.ticketing.adapters.gate import AHEAD, PostgresGate
from services.ticketing.application.line import Entry, Line, Waiting
from services.ticketing.application.ports import Parked
from shared.clients.kayako_errors import KayakoUnavailable, RateLimited
from shared.contracts.tickets import TicketState
from shared.database.engine import Sessions
from shared.database.models import HelpDeskGate, Ticket
from shared.errors import Away, Busy, Transient
from tests.integration.ticketing.conftest import MakeRoom, Room
from tests.lab_kayako import LabKayako

URL = "https://desk.example"


@pytest.fixture
def gate(sessions: Sessions) -> PostgresGate:
    return PostgresGate(sessions, URL)


def let_time_pass(sessions: Sessions) -> None:
    """The time until the next knock is over."""
    with sessions.begin() as session:
        session.execute(update(HelpDeskGate).values(closed_until=func.now() - timedelta(seconds=1)))


def processes(make_room: MakeRoom, number: int) -> list[Room]:
    """Rooms as worker processes have them: a client each, the gate in common."""
    rooms = [make_room() for _ in range(number)]
    for room in rooms:
        room.gate = PostgresGate(room.sessions, URL)
    return rooms


def waits(room: Room, ticket_id: UUID) -> float:
    with pytest.raises(Waiting) as waiting:
        room.open(ticket_id)
    assert waiting.value.retry_after is not None
    return waiting.value.retry_after


def test_what_one_process_learned_the_others_go_by(make_room: MakeRoom, kayako: LabKayako) -> None:
    one, other = processes(make_room, 2)
    first, second = one.planned(), one.planned()
    failing = kayako.fail(KayakoFault.ERROR_BEFORE_COMMIT)
    with pytest.raises(KayakoUnavailable):
        one.open(first)
    asked = failing.fired
    assert 0 < waits(other, second) < 3
    assert failing.fired == asked, "the other process asked nothing"
    assert other.ticket(second).state == TicketState.PLANNED
    assert other.ticket(second).lease_until is None
    kayako.heal()
    let_time_pass(one.sessions)
    other.open(second)
    one.open(first)
    assert len(kayako.desk.cases) == 2


def test_a_knock_in_vain_uses_up_no_try(make_room: MakeRoom, kayako: LabKayako) -> None:
    (room,) = processes(make_room, 1)
    ticket_id = room.planned()
    room.gate.close(None)
    failing = kayako.fail(KayakoFault.ERROR_BEFORE_COMMIT)
    for _ in range(3):
        let_time_pass(room.sessions)
        assert waits(room, ticket_id) == 2
    assert failing.fired == 3


def test_a_ticket_that_has_waited_long_uses_up_its_tries(make_room: MakeRoom, kayako: LabKayako) -> None:
    (room,) = processes(make_room, 1)
    ticket_id = room.planned()
    with room.sessions.begin() as session:
        session.execute(update(Ticket).values(created_at=func.now() - timedelta(minutes=21)))
    room.gate.close(None)
    let_time_pass(room.sessions)
    kayako.fail(KayakoFault.ERROR_BEFORE_COMMIT)
    with pytest.raises(KayakoUnavailable):
        room.open(ticket_id)


def test_a_limit_is_kept_to_the_second_by_all_and_the_oldest_comes_first(
    make_room: MakeRoom, kayako: LabKayako
) -> None:
    one, other = processes(make_room, 2)
    line = [one.planned() for _ in range(4)]
    kayako.fail(KayakoFault.RATE_LIMITED, "POST /cases", seconds=30, times=1)
    with pytest.raises(RateLimited):
        one.open(line[0])
    began, turns = time.monotonic(), []
    for ticket_id in line:
        asked, told = time.monotonic(), waits(other, ticket_id)
        turns.append((asked + told, time.monotonic() + told))  # its turn comes between these moments
    first, last = turns[0], turns[3]
    assert 29 < first[0] - began <= 30
    assert all(before[0] < behind[1] for before, behind in pairwise(turns))
    assert last[0] - first[1] <= 0.3 <= last[1] - first[0] + 0.2


def test_only_one_of_many_knocks(sessions: Sessions, gate: PostgresGate) -> None:
    gate.close(None)
    let_time_pass(sessions)
    entries: list[Entry | None] = []
    start = threading.Barrier(8)

    def knock() -> None:
        start.wait()
        try:
            entries.append(PostgresGate(sessions, URL).enter(uuid4()))
        except Waiting:
            entries.append(None)

    threads = [threading.Thread(target=knock) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(entries, key=str) == [Entry.KNOCK, *[None] * 7]


def test_a_knock_that_was_never_reported_back_ends(sessions: Sessions, gate: PostgresGate) -> None:
    gate.close(None)
    let_time_pass(sessions)
    assert gate.enter(uuid4()) is Entry.KNOCK
    with pytest.raises(Waiting) as waiting:
        gate.enter(uuid4())
    assert waiting.value.retry_after == 1, "soon: the knock may be answered at any moment"
    let_time_pass(sessions)
    assert gate.enter(uuid4()) is Entry.KNOCK


def test_a_longer_wait_is_not_cut_short(gate: PostgresGate) -> None:
    gate.close(60)
    gate.close(None)
    with pytest.raises(Waiting) as waiting:
        gate.enter(uuid4())
    assert waiting.value.retry_after is not None
    assert waiting.value.retry_after > 55


def refuse(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("end", "then"),
    [
        (lambda: None, Entry.FREE),
        (refuse(Parked("refused")), Entry.FREE),
        (refuse(Away()), None),
        (refuse(Transient()), None),
    ],
)
def test_what_comes_of_a_knock_decides(
    sessions: Sessions, gate: PostgresGate, end: Callable[[], None], then: Entry | None
) -> None:
    gate.close(None)
    let_time_pass(sessions)
    try:
        with Line(gate).turn(uuid4()):
            end()
    except (Transient, Parked):
        pass
    if then is None:
        with pytest.raises(Waiting):
            gate.enter(uuid4())
    else:
        assert gate.enter(uuid4()) is then


def test_after_the_gate_opened_the_newest_do_not_push_in(sessions: Sessions, gate: PostgresGate, room: Room) -> None:
    line = [room.planned() for _ in range(AHEAD + 2)]
    gate.close(None)
    let_time_pass(sessions)
    assert gate.enter(line[0]) is Entry.KNOCK
    gate.open()
    assert gate.enter(line[AHEAD - 1]) is Entry.FREE
    with pytest.raises(Waiting, match="older tickets go first"):
        gate.enter(line[-1])
    for ticket_id in line[:2]:
        room.open(ticket_id)
    assert gate.enter(line[-1]) is Entry.FREE


def test_waiting_in_line_is_no_failed_try() -> None:
    assert issubclass(Waiting, Busy)
    assert not issubclass(Waiting, Away)
