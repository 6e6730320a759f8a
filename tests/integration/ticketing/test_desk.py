"""Exactly one case, whatever Kayako does."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from lab.kayako.faults import KayakoFault
from lab.kayako.views import view_of
from services.ticketing.adapters.ledger import unpark
from services.ticketing.application.ports import HeldElsewhere, Parked, StillUnknown
from shared.clients.kayako_errors import KayakoUnavailable, RateLimited, SessionLost, SignInRefused
from shared.contracts.conversations import Outcome
from shared.contracts.tickets import TicketState
from shared.errors import Transient
from tests.conversations import CALLER
from tests.integration.ticketing.conftest import MakeRoom, Room
from tests.lab_kayako import LabKayako
from tests.waiting import wait_for

NEVER_MADE = (KayakoFault.ERROR_BEFORE_COMMIT, KayakoFault.HTML_ERROR)
MADE_UNSEEN = (
    KayakoFault.ANSWER_LOST,
    KayakoFault.ERROR_AFTER_COMMIT,
    KayakoFault.TRUNCATED_JSON,
    KayakoFault.SLOW_ANSWER,
    KayakoFault.SLOW_BODY,
)


def one_case(kayako: LabKayako, room: Room, ticket_id: UUID) -> None:
    """There is one case, complete, and the ledger knows it."""
    ticket = room.ticket(ticket_id)
    (case,) = kayako.active(ticket.marker)
    view = view_of(kayako.desk, case)
    assert ticket.state == TicketState.OPEN
    assert ticket.case_id == case.id
    assert [post.client_id for post in view.posts] == [None, f"{ticket.marker}:transcript:1"]
    assert view.mails == []
    assert ticket.lease_until is None


def test_a_ticket_is_opened_once(room: Room, kayako: LabKayako) -> None:
    ticket_id = room.planned(email="dana@example.test", email_confirmed=True, caller_name="Dana Reyes")
    for _ in range(3):
        room.open(ticket_id)
    one_case(kayako, room, ticket_id)
    view = view_of(kayako.desk, kayako.active(room.ticket(ticket_id).marker)[0])
    assert (view.status_type, view.priority, view.type) == ("COMPLETED", "Low", "Problem")
    assert (view.requester, view.emails, view.phones) == ("Dana Reyes", ["dana@example.test"], [CALLER])
    assert view.subject == "My router keeps restarting since the update."
    assert set(view.tags) == {"ai-call", room.ticket(ticket_id).marker, "lang-en", "answered", "technical-problem"}


def test_callers_are_recognised_by_address_and_by_number(room: Room, kayako: LabKayako) -> None:
    dana: dict[str, Any] = {"email": "dana@example.test", "email_confirmed": True, "caller_name": "Dana Reyes"}
    calls = [
        room.planned(**dana),
        room.planned(**dana, caller_address="+442079460958"),
        room.planned(),
        room.planned(email="heard@example.test", email_confirmed=False),
    ]
    for ticket_id in calls:
        room.open(ticket_id)
    requesters = {kayako.active(room.ticket(ticket_id).marker)[0].requester_id for ticket_id in calls}
    assert len(requesters) == 1
    stranger = room.planned(caller_address="+442079460000")
    withheld = [room.planned(caller_address=None) for _ in range(2)]
    for ticket_id in (stranger, *withheld):
        room.open(ticket_id)
    others = [kayako.active(room.ticket(ticket_id).marker)[0].requester_id for ticket_id in (stranger, *withheld)]
    assert others[1] == others[2]
    assert len({*requesters, *others}) == 3


@pytest.mark.parametrize("fault", MADE_UNSEEN)
def test_an_unseen_case_is_found_and_not_made_again(make_room: MakeRoom, kayako: LabKayako, fault: KayakoFault) -> None:
    room = make_room(timeout_s=0.5)
    ticket_id = room.planned()
    kayako.fail(fault, "POST /cases", times=1, seconds=5)
    with pytest.raises(StillUnknown) as unknown:
        room.open(ticket_id)
    assert unknown.value.retry_after == pytest.approx(2, abs=0.1)
    assert room.ticket(ticket_id).state == TicketState.UNKNOWN
    room.open(ticket_id)
    one_case(kayako, room, ticket_id)
    assert room.ticket(ticket_id).attempts == 1


@pytest.mark.parametrize("fault", NEVER_MADE)
def test_nothing_is_made_again_before_the_quiet_time_is_over(
    make_room: MakeRoom, kayako: LabKayako, fault: KayakoFault
) -> None:
    room = make_room(quiet_s=0.8)
    ticket_id = room.planned()
    failing = kayako.fail(fault, "POST /cases", times=1)
    began = time.monotonic()
    while room.ticket(ticket_id).state != TicketState.OPEN:
        with suppress(StillUnknown):
            room.open(ticket_id)
        time.sleep(0.05)
    assert time.monotonic() - began >= 0.75
    assert failing.fired == 1
    assert room.ticket(ticket_id).attempts == 2
    one_case(kayako, room, ticket_id)


def test_a_case_that_appears_late_is_found_within_the_quiet_time(make_room: MakeRoom, kayako: LabKayako) -> None:
    room = make_room(quiet_s=5)
    ticket_id = room.planned()
    kayako.fail(KayakoFault.COMMIT_DELAYED, "POST /cases", times=1, seconds=0.5)
    for _ in range(3):
        with pytest.raises(StillUnknown):
            room.open(ticket_id)
    wait_for(lambda: kayako.active(room.ticket(ticket_id).marker), 5, "the late commit")
    room.open(ticket_id)
    one_case(kayako, room, ticket_id)


@pytest.mark.parametrize(
    ("hiding", "seconds"),
    [(KayakoFault.LIST_LAG, 60.0), (KayakoFault.SEARCH_LAG, 60.0), (KayakoFault.TAGS_STRIPPED, 0.0)],
)
def test_a_case_is_found_in_one_way_or_another(
    room: Room, kayako: LabKayako, hiding: KayakoFault, seconds: float
) -> None:
    ticket_id = room.planned()
    kayako.fail(hiding, "POST /cases", times=1, seconds=seconds)
    kayako.fail(KayakoFault.ANSWER_LOST, "POST /cases", times=1)
    with pytest.raises(StillUnknown):
        room.open(ticket_id)
    room.open(ticket_id)
    assert len(kayako.desk.cases) == 1
    assert room.ticket(ticket_id).state == TicketState.OPEN


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (KayakoFault.RATE_LIMITED, RateLimited),
        (KayakoFault.SESSION_LOST, SessionLost),
        (KayakoFault.UNAUTHORISED, SignInRefused),
    ],
)
def test_what_certainly_made_nothing_is_tried_again_at_once(
    make_room: MakeRoom, kayako: LabKayako, fault: KayakoFault, error: type[Exception]
) -> None:
    room = make_room()
    ticket_id = room.planned()
    kayako.fail(fault, "POST /cases", times=1, seconds=30)
    with pytest.raises(error):
        room.open(ticket_id)
    assert room.ticket(ticket_id).state == TicketState.PLANNED
    another_process = make_room()
    another_process.open(ticket_id)
    one_case(kayako, room, ticket_id)


def test_a_help_desk_that_is_away_leaves_the_ticket_as_it_was(make_room: MakeRoom, kayako: LabKayako) -> None:
    room = make_room(timeout_s=0.3)
    ticket_id = room.planned()
    kayako.fail(KayakoFault.ERROR_BEFORE_COMMIT)
    with pytest.raises(KayakoUnavailable):
        room.open(ticket_id)
    assert room.ticket(ticket_id).state == TicketState.PLANNED
    assert room.ticket(ticket_id).attempts == 0
    kayako.heal()
    room.open(ticket_id)
    one_case(kayako, room, ticket_id)


def test_a_part_that_is_refused_is_left_out(room: Room, kayako: LabKayako) -> None:
    first = room.planned()
    room.open(first)
    for priority in kayako.desk.tables.priorities.values():
        priority.id += 1000
    kayako.desk.tables.priorities = {row.id: row for row in kayako.desk.tables.priorities.values()}
    second = room.planned()
    room.open(second)
    one_case(kayako, room, second)
    assert view_of(kayako.desk, kayako.active(room.ticket(second).marker)[0]).priority is None
    third = room.planned()
    room.open(third)
    assert view_of(kayako.desk, kayako.active(room.ticket(third).marker)[0]).priority == "Low"


@pytest.mark.parametrize("fault", [KayakoFault.FORBIDDEN, KayakoFault.NOT_FOUND])
def test_a_refusal_parks_the_ticket_with_its_reason(room: Room, kayako: LabKayako, fault: KayakoFault) -> None:
    ticket_id = room.planned()
    kayako.fail(fault, "POST /cases")
    with pytest.raises(Parked):
        room.open(ticket_id)
    ticket = room.ticket(ticket_id)
    assert ticket.state == TicketState.PARKED
    assert "POST cases" in str(ticket.parked_reason)
    room.open(ticket_id)
    assert not kayako.desk.cases, "a parked ticket is left alone"
    kayako.heal()
    with room.sessions.begin() as session:
        unpark(session, ticket_id)
    room.open(ticket_id)
    one_case(kayako, room, ticket_id)


def test_a_required_field_of_the_tenant_parks_and_names_the_field(room: Room, kayako: LabKayako) -> None:
    ticket_id = room.planned()
    next(field for field in kayako.desk.tables.fields.values() if field.key == "product").is_required_for_agents = True
    with pytest.raises(Parked, match=r"FIELD_REQUIRED \(product\)"):
        room.open(ticket_id)
    assert room.ticket(ticket_id).state == TicketState.PARKED
    assert room.ticket(ticket_id).attempts == 2, "once whole, once with only what a case needs"
    assert not kayako.desk.cases


def test_a_requester_that_was_removed_is_looked_for_again(room: Room, kayako: LabKayako) -> None:
    first = room.planned()
    room.open(first)
    gone = room.ticket(first).requester_id
    assert gone is not None
    user = kayako.desk.users.pop(gone)
    for phone in user.phones:
        kayako.desk.phones.pop(phone.id)
    second = room.planned()
    with pytest.raises(Transient):
        room.open(second)
    room.open(second)
    assert room.ticket(second).state == TicketState.OPEN
    assert room.ticket(second).requester_id != gone


@pytest.mark.parametrize("fault", [KayakoFault.ANSWER_LOST, KayakoFault.ERROR_BEFORE_COMMIT])
def test_a_note_of_unknown_outcome_is_looked_for_before_it_is_sent_again(
    room: Room, kayako: LabKayako, fault: KayakoFault
) -> None:
    ticket_id = room.planned()
    kayako.fail(fault, "POST /cases/*/reply", times=1)
    with pytest.raises(Transient):
        room.open(ticket_id)
    ticket = room.ticket(ticket_id)
    assert (ticket.state, ticket.case_id is None) == (TicketState.SENDING, False)
    room.open(ticket_id)
    one_case(kayako, room, ticket_id)


def test_a_case_that_an_agent_removed_is_not_made_again(room: Room, kayako: LabKayako) -> None:
    ticket_id = room.planned()
    kayako.fail(KayakoFault.ERROR_BEFORE_COMMIT, "POST /cases/*/reply", times=1)
    with pytest.raises(Transient):
        room.open(ticket_id)
    kayako.desk.cases.clear()
    with pytest.raises(Parked):
        room.open(ticket_id)
    assert room.ticket(ticket_id).parked_reason == "the case was removed in the help desk"
    assert not kayako.desk.cases


def test_twenty_deliveries_at_once_make_one_case(make_room: MakeRoom, kayako: LabKayako) -> None:
    first = make_room()
    ticket_ids = [first.planned() for _ in range(3)]
    start = threading.Barrier(12)

    def deliver(ticket_id: UUID) -> None:
        room = make_room()
        start.wait()
        for _ in range(200):
            try:
                room.open(ticket_id)
            except HeldElsewhere:
                time.sleep(0.02)
            else:
                return

    threads = [threading.Thread(target=deliver, args=(ticket_id,)) for ticket_id in ticket_ids for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ticket_id in ticket_ids:
        one_case(kayako, first, ticket_id)


def test_a_refused_call_is_a_task_for_somebody(room: Room, kayako: LabKayako) -> None:
    ticket_id = room.planned(turns=[], outcome=Outcome.REFUSED.value)
    room.open(ticket_id)
    (case,) = kayako.active(room.ticket(ticket_id).marker)
    view = view_of(kayako.desk, case)
    assert (view.subject, view.status_type, view.priority) == ("Call that could not be taken", "NEW", "Normal")
    assert len(view.posts) == 1


def test_a_lease_that_a_dead_run_left_ends_by_itself(room: Room, kayako: LabKayako) -> None:
    ticket_id = room.planned()
    dead = Room(room.sessions, room.help_desk, lease=timedelta(seconds=0.4))
    assert dead.ledger.claim(ticket_id) is not None
    with pytest.raises(HeldElsewhere) as held:
        room.open(ticket_id)
    assert held.value.retry_after is not None
    assert held.value.retry_after <= 1
    time.sleep(0.45)
    room.open(ticket_id)
    one_case(kayako, room, ticket_id)
