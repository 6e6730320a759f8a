"""The ledger: one holder at a time, and no write by who has lost the ticket."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from services.ticketing.adapters.ledger import PostgresLedger, unpark
from services.ticketing.application.ports import Case, HeldElsewhere, LeaseLost
from shared.contracts.tickets import TicketState
from shared.database.engine import Sessions
from shared.database.models import OutboxRow, Ticket
from shared.errors import NotFound
from tests.conversations import CALLER
from tests.integration.ticketing.conftest import Room

CASE = Case(1841, "https://desk.example/agent/conversations/1841")


def test_one_run_holds_the_ticket_and_the_others_are_told_for_how_long(room: Room) -> None:
    ticket_id = room.planned()
    claim = room.ledger.claim(ticket_id)
    assert claim is not None
    with pytest.raises(HeldElsewhere) as held:
        room.ledger.claim(ticket_id)
    assert held.value.retry_after is not None
    assert 25 < held.value.retry_after <= 30
    room.ledger.release(claim)
    again = room.ledger.claim(ticket_id)
    assert again is not None
    assert again.fence > claim.fence


def test_of_many_claims_at_once_one_succeeds(room: Room) -> None:
    ticket_id, taken, start = room.planned(), [], threading.Barrier(8)

    def claim() -> None:
        start.wait()
        try:
            taken.append(room.ledger.claim(ticket_id))
        except HeldElsewhere:
            taken.append(None)

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([claim for claim in taken if claim is not None]) == 1
    assert len(taken) == 8


def test_who_lost_the_lease_writes_nothing(sessions: Sessions, room: Room) -> None:
    short = PostgresLedger(sessions, timedelta())
    ticket_id = room.planned()
    slow, quick = short.claim(ticket_id), room.ledger.claim(ticket_id)
    assert slow is not None
    assert quick is not None
    room.ledger.created(quick, CASE)
    writes: list[Callable[[], None]] = [
        lambda: short.created(slow, Case(1, None)),
        lambda: short.begin_create(slow, "x"),
        lambda: short.opened(slow, 1),
        lambda: short.park(slow, "x"),
        lambda: short.note_sent(slow, "x"),
    ]
    for write in writes:
        with pytest.raises(LeaseLost):
            write()
    short.release(slow)
    with pytest.raises(HeldElsewhere):
        room.ledger.claim(ticket_id)
    assert room.ticket(ticket_id).case_id == CASE.id


def test_only_a_call_that_was_begun_and_not_settled_is_unanswered(room: Room) -> None:
    ticket_id = room.planned()
    ledger = room.ledger

    def claim_after_release() -> float | None:
        taken = ledger.claim(ticket_id)
        assert taken is not None
        ledger.release(taken)
        return taken.unanswered_s

    assert claim_after_release() is None
    claim = ledger.claim(ticket_id)
    assert claim is not None
    ledger.begin_create(claim, "Router")
    ledger.release(claim)
    unanswered = claim_after_release()
    assert unanswered is not None, "a run that died in the call leaves an open question"
    assert 0 <= unanswered < 5
    claim = ledger.claim(ticket_id)
    assert claim is not None
    ledger.not_created(claim)
    ledger.release(claim)
    assert claim_after_release() is None
    claim = ledger.claim(ticket_id)
    assert claim is not None
    ledger.begin_create(claim, "Router")
    ledger.unknown(claim)
    ledger.created(claim, CASE)
    ledger.release(claim)
    assert claim_after_release() is None
    assert room.ticket(ticket_id).attempts == 2


def test_an_open_ticket_is_only_claimed_to_add_to_it(room: Room) -> None:
    ticket_id = room.planned()
    assert room.ledger.claim_open(ticket_id) is None
    claim = room.ledger.claim(ticket_id)
    assert claim is not None
    room.ledger.created(claim, CASE)
    room.ledger.note_sent(claim, "a")
    room.ledger.note_sent(claim, "b")
    room.ledger.opened(claim, 3)
    assert room.ledger.claim(ticket_id) is None
    adding = room.ledger.claim_open(ticket_id)
    assert adding is not None
    assert (adding.case, adding.notes_sent, adding.summary_version) == (CASE, ("a", "b"), 3)
    first_opened = room.ticket(ticket_id).opened_at
    room.ledger.opened(adding, 4)
    assert room.ticket(ticket_id).opened_at == first_opened


def test_a_parked_ticket_rests_until_it_is_replayed(room: Room, sessions: Sessions) -> None:
    ticket_id = room.planned()
    claim = room.ledger.claim(ticket_id)
    assert claim is not None
    room.ledger.park(claim, "Kayako refuses POST cases: FIELD_REQUIRED (product)")
    assert room.ledger.claim(ticket_id) is None
    assert room.ledger.claim_open(ticket_id) is None
    assert room.ticket(ticket_id).parked_reason == "Kayako refuses POST cases: FIELD_REQUIRED (product)"
    with sessions.begin() as session:
        unpark(session, ticket_id)
    assert room.ledger.claim(ticket_id) is not None


def test_a_ticket_that_is_none_is_not_found(room: Room) -> None:
    with pytest.raises(NotFound):
        room.ledger.claim(uuid4())


def test_a_number_keeps_its_requester(room: Room) -> None:
    first = room.ledger.claim(room.planned())
    assert first is not None
    assert room.ledger.requester_of_number(CALLER) is None
    room.ledger.found_requester(first, 412)
    assert room.ledger.requester_of_number(CALLER) == 412
    assert room.ledger.requester_of_number("+13125550199") is None
    room.ledger.requester_gone(412)
    assert room.ledger.requester_of_number(CALLER) is None


def test_forgotten_tickets_are_queued_again_once(room: Room, sessions: Sessions) -> None:
    waiting, running, parked, forgotten = (room.planned() for _ in range(4))
    with sessions.begin() as session:
        for row in session.scalars(select(OutboxRow).where(OutboxRow.order_key != str(waiting))):
            row.sent_at = row.created_at
    assert room.ledger.claim(running) is not None
    claim = room.ledger.claim(parked)
    assert claim is not None
    room.ledger.park(claim, "refused")
    assert room.ledger.requeue_stuck(timedelta(minutes=10)) == [], "all of them were touched a moment ago"
    assert room.ledger.requeue_stuck(timedelta()) == [forgotten]
    assert room.ledger.requeue_stuck(timedelta()) == [], "it has a row in the outbox now"
    died = PostgresLedger(sessions, timedelta(seconds=-1)).claim(abandoned := room.planned())
    assert died is not None
    with sessions.begin() as session:
        for row in session.scalars(select(OutboxRow).where(OutboxRow.order_key == str(abandoned))):
            row.sent_at = row.created_at
    assert room.ledger.requeue_stuck(timedelta(minutes=10)) == [abandoned], "its run died a moment ago"
    with sessions() as session:
        again = session.scalars(
            select(OutboxRow).where(OutboxRow.order_key == str(forgotten), OutboxRow.sent_at.is_(None))
        ).one()
        assert again.payload == {"ticket_id": str(forgotten)}
        assert again.trace_id
        assert session.get_one(Ticket, forgotten).state == TicketState.PLANNED
