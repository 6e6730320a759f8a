"""One case per problem: a call about an open one becomes a note on it, and nothing is lost when that fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from lab.kayako.cases import CaseState
from lab.kayako.faults import KayakoFault
from lab.kayako.lookups import StatusType
from lab.kayako.views import view_of
from shared.contracts.conversations import Outcome, RepeatPolicy, Speaker
from shared.contracts.tickets import TicketState
from shared.database.models import Agent, OutboxRow, Ticket
from shared.errors import Transient
from tests.conversations import a_conversation, a_turn, an_agent, close
from tests.integration.ticketing.conftest import MakeRoom, Room
from tests.lab_kayako import LabKayako
from tests.waiting import wait_for

LONG_AGO = datetime.now(UTC) - timedelta(hours=1)
OTHER = "My invoice for October is too high, I was charged twice."


class Caller:
    """Somebody who calls one agent again and again."""

    def __init__(self, room: Room, **agent: Any) -> None:
        self.room = room
        with room.sessions.begin() as session:
            self.agent_id = an_agent(session, **agent).id

    def calls(self, about: str = "My router keeps restarting since the update.", **fields: Any) -> UUID:
        """The ticket of a call that is over; not opened yet."""
        turns = [a_turn(0, Speaker.ASSISTANT, "How can I help?"), a_turn(1, Speaker.CALLER, about)]
        with self.room.sessions.begin() as session:
            values = {"outcome": Outcome.FOLLOW_UP.value, **fields}
            return close(session, a_conversation(session, session.get_one(Agent, self.agent_id), turns, **values))

    def has_called(self, about: str = "My router keeps restarting since the update.", **fields: Any) -> UUID:
        ticket_id = self.calls(about, **fields)
        self.room.open(ticket_id)
        return ticket_id


@pytest.fixture
def dana(room: Room) -> Caller:
    return Caller(room)


def client_ids(kayako: LabKayako, ticket: Ticket) -> list[str | None]:
    (case,) = kayako.active(ticket.marker)
    return [post.client_id for post in view_of(kayako.desk, case).posts]


def test_a_repeat_call_is_a_note_on_the_open_case(dana: Caller, kayako: LabKayako) -> None:
    first = dana.has_called()
    second = dana.has_called("It is still restarting, my router, every hour.")
    one, two = dana.room.ticket(first), dana.room.ticket(second)
    assert len(kayako.desk.cases) == 1
    assert (two.state, two.case_id, two.case_url, two.joined_ticket_id) == (
        TicketState.OPEN,
        one.case_id,
        one.case_url,
        first,
    )
    assert client_ids(kayako, two) == [
        None,
        f"{one.marker}:transcript:1",
        f"{two.marker}:call",
        f"{two.marker}:transcript:1",
    ]
    assert {one.marker, two.marker} <= set(view_of(kayako.desk, kayako.active(one.marker)[0]).tags)
    dana.room.open(second)
    assert len(client_ids(kayako, two)) == 4, "a second delivery adds nothing"
    third = dana.has_called()
    assert dana.room.ticket(third).joined_ticket_id == first, "never a note on a note"
    assert dana.room.sweep().run().duplicates == 0


def test_another_matter_is_another_case(dana: Caller, kayako: LabKayako) -> None:
    dana.has_called()
    assert dana.room.ticket(dana.has_called(OTHER)).joined_ticket_id is None
    assert len(kayako.desk.cases) == 2


@pytest.mark.parametrize("address", ["+13125550199", None])
def test_another_caller_is_another_case(dana: Caller, kayako: LabKayako, address: str | None) -> None:
    dana.has_called(caller_address=address)
    dana.has_called()
    dana.has_called(caller_address=None)
    assert len(kayako.desk.cases) == 3


def test_an_agent_can_be_told_to_keep_calls_apart(room: Room, kayako: LabKayako) -> None:
    apart = Caller(room, repeat_policy=RepeatPolicy.NEW_TICKET.value)
    apart.has_called()
    apart.has_called()
    assert len(kayako.desk.cases) == 2
    Caller(room).has_called()
    assert len(kayako.desk.cases) == 3, "and another agent's cases are not its own"


@pytest.mark.parametrize("change", ["completed", "of their own", "trash", "requester", "gone"])
def test_a_case_that_is_no_longer_open_takes_no_repeat(dana: Caller, kayako: LabKayako, change: str) -> None:
    first = dana.room.ticket(dana.has_called())
    (case,) = kayako.active(first.marker)
    match change:
        case "completed":
            case.status_id = kayako.desk.tables.status_of(StatusType.COMPLETED).id
        case "of their own":
            case.status_id = kayako.desk.tables.status_of(StatusType.CUSTOM).id
        case "trash":
            case.state = CaseState.TRASH
        case "requester":
            case.requester_id = 15
        case _:
            del kayako.desk.cases[case.id]
    second = dana.room.ticket(dana.has_called())
    assert second.joined_ticket_id is None
    assert second.case_id != first.case_id


def test_a_case_of_long_ago_takes_no_repeat(dana: Caller) -> None:
    first = dana.has_called()
    with dana.room.sessions.begin() as session:
        session.execute(update(Ticket).where(Ticket.id == first).values(opened_at=func.now() - timedelta(days=8)))
    assert dana.room.ticket(dana.has_called()).joined_ticket_id is None


def test_two_open_cases_that_fit_are_a_doubt(dana: Caller, kayako: LabKayako) -> None:
    waiting = [dana.calls(), dana.calls()]
    kayako.fail(KayakoFault.CASE_CLOSED, "POST /cases", times=1)
    for ticket_id in waiting:
        dana.room.open(ticket_id)
    for case in kayako.desk.cases.values():
        case.status_id = kayako.desk.tables.status_of(StatusType.OPEN).id
    assert len(kayako.desk.cases) == 2
    assert dana.room.ticket(dana.has_called()).joined_ticket_id is None


@pytest.mark.parametrize("fault", [KayakoFault.ANSWER_LOST, KayakoFault.ERROR_BEFORE_COMMIT])
def test_a_note_of_unknown_outcome_is_not_doubled(dana: Caller, kayako: LabKayako, fault: KayakoFault) -> None:
    dana.has_called()
    kayako.fail(fault, "POST /cases/*/reply", times=1)
    second = dana.calls()
    with pytest.raises(Transient):
        dana.room.open(second)
    dana.room.open(second)
    ticket = dana.room.ticket(second)
    assert client_ids(kayako, ticket)[2:] == [f"{ticket.marker}:call", f"{ticket.marker}:transcript:1"]


def test_a_case_that_vanishes_between_is_replaced_by_one_of_its_own(dana: Caller, kayako: LabKayako) -> None:
    first = dana.room.ticket(dana.has_called())
    second = dana.calls()
    kayako.fail(KayakoFault.NOT_FOUND, "GET /cases/*/posts", times=1)
    with pytest.raises(Transient):
        dana.room.open(second)
    assert dana.room.ticket(second).state == TicketState.PLANNED
    dana.room.open(second)
    ticket = dana.room.ticket(second)
    assert (ticket.state, ticket.joined_ticket_id) == (TicketState.OPEN, None)
    assert ticket.case_id != first.case_id


def test_a_create_call_without_an_answer_is_never_joined(dana: Caller, kayako: LabKayako) -> None:
    kayako.fail(KayakoFault.ANSWER_LOST, "POST /cases", times=1)
    second = dana.calls()
    with pytest.raises(Transient):
        dana.room.open(second)
    dana.has_called()
    dana.room.open(second)
    assert dana.room.ticket(second).joined_ticket_id is None
    assert len(kayako.desk.cases) == 2


def test_a_tag_that_may_not_be_added_is_no_obstacle(dana: Caller, kayako: LabKayako) -> None:
    first = dana.has_called()
    kayako.fail(KayakoFault.FORBIDDEN, "POST /cases/*/tags")
    assert dana.room.ticket(dana.has_called()).joined_ticket_id == first


def test_when_doubles_are_merged_the_repeat_calls_move_along(make_room: MakeRoom, kayako: LabKayako) -> None:
    room = make_room(quiet_s=0)
    dana = Caller(room)
    first = dana.calls()
    kayako.fail(KayakoFault.LIST_LAG, "POST /cases", times=1, seconds=0.3)
    kayako.fail(KayakoFault.SEARCH_LAG, "POST /cases", times=1, seconds=0.3)
    kayako.fail(KayakoFault.ANSWER_LOST, "POST /cases", times=1)
    with pytest.raises(Transient):
        room.open(first)
    room.open(first)
    hidden, shown = kayako.desk.cases.values()
    second = dana.has_called()
    assert room.ticket(second).case_id == shown.id
    wait_for(lambda: len(room.help_desk.cases_by_marker(LONG_AGO)[room.ticket(first).marker]) == 2, 5, "the lag's end")
    assert room.sweep().run().duplicates == 1
    moved = room.ticket(second)
    assert (moved.state, moved.case_id) == (TicketState.PLANNED, hidden.id)
    with room.sessions() as session:
        queued = session.scalars(select(OutboxRow.id).where(OutboxRow.order_key == str(second))).all()
    assert len(queued) == 2, "once at its closing, once now"
    room.open(second)
    assert f"{moved.marker}:call" in [post.client_id for post in view_of(kayako.desk, hidden).posts]
    assert kayako.active(moved.marker) == [hidden]
