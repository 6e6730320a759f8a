"""The sweep mends what a lying help desk doubled and what a crash forgot; better summaries reach the case."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, update

from lab.kayako.cases import CaseState
from lab.kayako.faults import KayakoFault
from lab.kayako.views import view_of
from services.ticketing.adapters.conversations import PostgresConversations
from services.ticketing.adapters.summary_store import PostgresSummaryStore
from services.ticketing.application.desk import Desk
from services.ticketing.application.line import Line
from services.ticketing.application.ports import StillUnknown
from services.ticketing.application.summarise import Summariser
from services.ticketing.domain.conversation import Conversation
from services.ticketing.domain.extract import extract_summary
from services.ticketing.domain.summary import Summary, SummaryOrigin, VersionedSummary
from shared.clients.kayako_errors import KayakoUnavailable
from shared.contracts.tasks import TaskName
from shared.contracts.tickets import TicketState
from shared.database import models
from shared.database.models import DeadLetter, OutboxRow, Ticket
from shared.errors import Permanent, Transient
from shared.rates.card import packaged_card
from shared.rates.usage import Meter, Product, Unit
from tests.integration.ticketing.conftest import MakeRoom, NoGate, Room
from tests.lab_kayako import LabKayako


def doubled(room: Room, kayako: LabKayako) -> UUID:
    """A ticket whose first case stayed hidden from every look-up for longer than the quiet time."""
    ticket_id = room.planned()
    kayako.fail(KayakoFault.LIST_LAG, "POST /cases", times=1, seconds=0.5)
    kayako.fail(KayakoFault.SEARCH_LAG, "POST /cases", times=1, seconds=0.5)
    kayako.fail(KayakoFault.ANSWER_LOST, "POST /cases", times=1)
    with pytest.raises(StillUnknown):
        room.open(ticket_id)
    room.open(ticket_id)
    assert len(kayako.active(room.ticket(ticket_id).marker)) == 2
    time.sleep(0.5)
    return ticket_id


@pytest.mark.parametrize("trash_allowed", [True, False])
def test_a_doubled_case_is_merged_into_the_oldest(make_room: MakeRoom, kayako: LabKayako, trash_allowed: bool) -> None:
    room = make_room(quiet_s=0)
    ticket_id = doubled(room, kayako)
    marker = room.ticket(ticket_id).marker
    older, newer = sorted(kayako.active(marker), key=lambda case: case.id)
    assert room.ticket(ticket_id).case_id == newer.id
    if not trash_allowed:
        kayako.fail(KayakoFault.FORBIDDEN, "PUT /cases/*/trash")
    assert room.sweep().run().duplicates == 1
    assert older.state is CaseState.ACTIVE
    assert room.ticket(ticket_id).case_id == older.id
    assert any(post.client_id == f"duplicate:{newer.id}" for post in view_of(kayako.desk, older).posts)
    if trash_allowed:
        assert newer.state is CaseState.TRASH
    else:
        seen = view_of(kayako.desk, newer)
        assert seen.status_type == "CLOSED"
        assert {"duplicate", marker, "ai-call"} <= set(seen.tags)
    assert room.sweep().run().duplicates == 0


def test_undisturbed_tickets_are_no_duplicates(room: Room) -> None:
    for _ in range(3):
        room.open(room.planned())
    swept = room.sweep(timedelta(hours=1)).run()
    assert (swept.duplicates, swept.requeued) == (0, 0)


def test_forgotten_tickets_are_queued_and_their_dead_letters_settled(room: Room, kayako: LabKayako) -> None:
    ticket_id = room.planned()
    with room.sessions.begin() as session:
        session.execute(update(OutboxRow).values(sent_at=datetime.now(UTC)))
        session.add(
            DeadLetter(
                task_id=uuid4(),
                task=TaskName.OPEN_TICKET.value,
                queue="tickets",
                payload={"ticket_id": str(ticket_id)},
                error="KayakoUnavailable",
                reason="away",
            )
        )
    kayako.fail(KayakoFault.ERROR_BEFORE_COMMIT, "GET /cases")
    with pytest.raises(KayakoUnavailable):
        room.sweep().run()
    with room.sessions() as session:
        assert session.scalars(select(DeadLetter.replayed_at)).one() is None, "nothing is queued for an absent desk"
    kayako.heal()
    assert room.sweep().run().requeued == 1
    with room.sessions() as session:
        assert session.scalars(select(DeadLetter.replayed_at)).one() is not None
        waiting = session.scalars(select(OutboxRow).where(OutboxRow.sent_at.is_(None))).one()
    assert waiting.payload == {"ticket_id": str(ticket_id)}


def test_a_case_whose_ticket_does_not_know_is_found_by_a_run_that_is_queued_at_once(
    room: Room, kayako: LabKayako
) -> None:
    ticket_id = room.planned()
    kayako.fail(KayakoFault.ANSWER_LOST, "POST /cases", times=1)
    with pytest.raises(StillUnknown):
        room.open(ticket_id)
    swept = room.sweep(timedelta(hours=1)).run()
    assert (swept.unnoticed, swept.requeued) == (0, 0), "its message waits in the outbox"
    with room.sessions.begin() as session:
        session.execute(update(OutboxRow).values(sent_at=datetime.now(UTC)))
        session.execute(update(Ticket).values(lease_until=datetime.now(UTC) + timedelta(minutes=1)))
    assert room.sweep(timedelta(hours=1)).run().unnoticed == 0, "somebody works on it"
    with room.sessions.begin() as session:
        session.execute(update(Ticket).values(lease_until=None))
    assert room.sweep(timedelta(hours=1)).run().unnoticed == 1
    with room.sessions() as session:
        waiting = session.scalars(select(OutboxRow).where(OutboxRow.sent_at.is_(None))).one()
    assert waiting.payload == {"ticket_id": str(ticket_id)}
    room.open(ticket_id)
    assert room.ticket(ticket_id).state == TicketState.OPEN
    assert len(kayako.active(room.ticket(ticket_id).marker)) == 1


def test_cases_without_a_ticket_and_tickets_without_a_case_are_counted_and_left_alone(
    room: Room, kayako: LabKayako
) -> None:
    known, forgotten, removed, trashed = (room.planned() for _ in range(4))
    for ticket_id in (known, forgotten, removed, trashed):
        room.open(ticket_id)
    with room.sessions.begin() as session:
        session.execute(update(Ticket).values(opened_at=datetime.now(UTC) - timedelta(hours=1)))
        session.execute(update(Ticket).where(Ticket.id == forgotten).values(marker="call-of-a-restored-backup"))
    gone = kayako.active(room.ticket(removed).marker)[0]
    gone.state = CaseState.TRASH
    gone.tags.clear()
    kayako.active(room.ticket(trashed).marker)[0].state = CaseState.TRASH
    before = len(kayako.desk.cases)
    swept = room.sweep(timedelta(hours=1)).run()
    assert swept.strangers == 1, "the case of the ticket whose marker is another one now"
    assert swept.missing == 3, "removed, in the trash, and known by another marker"
    assert (swept.duplicates, swept.requeued, swept.unnoticed) == (0, 0, 0)
    assert len(kayako.desk.cases) == before


class Scripted:
    """A model that says what the test wants."""

    def __init__(self, *answers: Exception | str | None) -> None:
        self.answers = list(answers)

    def summarise(self, conversation: Conversation, meter: Meter) -> Summary | None:
        answer = self.answers.pop(0)
        meter.add(Product("openai", "gpt-6-luna"), Unit.OUTPUT_TOKENS, 1000)
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            return None
        known = extract_summary(conversation)
        return Summary(
            origin=SummaryOrigin.MODEL,
            subject="Router restarts since the update",
            text=answer,
            wish=known.wish,
            key_points=(),
            promise=None,
            category=known.category,
            priority=known.priority,
            sentiment=known.sentiment,
            model="gpt-6-luna",
        )


def summariser(room: Room, *answers: Exception | str | None) -> Summariser:
    store = PostgresSummaryStore(room.sessions, packaged_card())
    return Summariser(PostgresConversations(room.sessions), store, Scripted(*answers) if answers else None)


def rows(room: Room, task: TaskName) -> list[OutboxRow]:
    with room.sessions() as session:
        return list(session.scalars(select(OutboxRow).where(OutboxRow.task == task.value)))


def stored(room: Room) -> models.Summary:
    with room.sessions() as session:
        return session.scalars(select(models.Summary)).one()


def test_a_summary_lets_its_ticket_go_at_once(room: Room, kayako: LabKayako) -> None:
    ticket = room.ticket(room.planned())
    before = rows(room, TaskName.OPEN_TICKET)[0].due_at
    summariser(room, "The router restarts.").summarise(ticket.conversation_id, uuid4())
    assert rows(room, TaskName.OPEN_TICKET)[0].due_at < before - timedelta(seconds=5)
    assert rows(room, TaskName.UPDATE_TICKET) == []
    assert rows(room, TaskName.IMPROVE_SUMMARY) == []
    room.open(ticket.id)
    (case,) = kayako.active(ticket.marker)
    assert view_of(kayako.desk, case).subject == "Router restarts since the update"


def test_a_second_delivery_of_a_summary_changes_nothing(room: Room) -> None:
    ticket, delivery = room.ticket(room.planned()), uuid4()
    once = summariser(room, "First.", "Second.")
    once.summarise(ticket.conversation_id, delivery)
    once.summarise(ticket.conversation_id, delivery)
    assert (stored(room).version, stored(room).text) == (1, "First.")
    with room.sessions() as session:
        (charge,) = session.scalars(select(models.Charge))
    assert (charge.contributor, charge.amount) == (f"summary:{delivery}", Decimal("0.0005"))
    assert rows(room, TaskName.RECORD_CONVERSATION)[-1].payload == {"conversation_id": str(ticket.conversation_id)}


@pytest.mark.parametrize("failure", [Transient("away"), Permanent("404")])
def test_a_model_that_fails_delays_the_better_summary_and_never_the_ticket(
    room: Room, kayako: LabKayako, failure: Exception
) -> None:
    ticket = room.ticket(room.planned())
    summariser(room, failure).summarise(ticket.conversation_id, uuid4())
    assert stored(room).origin == "extractive"
    (later,) = rows(room, TaskName.IMPROVE_SUMMARY)
    assert later.due_at > datetime.now(UTC) + timedelta(seconds=30)
    room.open(ticket.id)
    with room.sessions.begin() as session:
        session.execute(update(OutboxRow).values(sent_at=datetime.now(UTC)))
    summariser(room, "The router restarts.").improve(ticket.conversation_id, uuid4())
    assert (stored(room).version, stored(room).origin) == (2, "model")
    (improvement,) = rows(room, TaskName.UPDATE_TICKET)
    assert improvement.payload == {"ticket_id": str(ticket.id)}
    for _ in range(2):
        room.desk().update_ticket(ticket.id)
    (case,) = kayako.active(ticket.marker)
    ids = [post.client_id for post in view_of(kayako.desk, case).posts]
    assert ids == [None, f"{ticket.marker}:transcript:1", f"{ticket.marker}:summary:2"]
    assert room.ticket(ticket.id).summary_version == 2
    assert room.ticket(ticket.id).state == TicketState.OPEN


def test_without_a_model_nothing_is_promised_for_later(room: Room) -> None:
    ticket = room.ticket(room.planned())
    summariser(room).summarise(ticket.conversation_id, uuid4())
    summariser(room).improve(ticket.conversation_id, uuid4())
    assert stored(room).origin == "extractive"
    assert rows(room, TaskName.IMPROVE_SUMMARY) == []


def test_a_model_that_only_invents_is_not_asked_again(room: Room) -> None:
    ticket = room.ticket(room.planned())
    summariser(room, None).summarise(ticket.conversation_id, uuid4())
    assert stored(room).origin == "extractive"
    assert rows(room, TaskName.IMPROVE_SUMMARY) == []


def test_a_ticket_that_waits_for_no_summary_gets_it_by_an_update(room: Room, kayako: LabKayako) -> None:
    ticket = room.ticket(room.planned())
    room.desk().update_ticket(ticket.id)
    assert not kayako.desk.cases
    with room.sessions.begin() as session:
        session.execute(update(OutboxRow).values(sent_at=datetime.now(UTC)))
    room.open(ticket.id)
    assert (stored(room).version, stored(room).origin) == (1, "extractive")
    summariser(room, "The router restarts.").summarise(ticket.conversation_id, uuid4())
    assert stored(room).version == 2
    assert len(rows(room, TaskName.UPDATE_TICKET)) == 1
    room.desk().update_ticket(ticket.id)
    (case,) = kayako.active(ticket.marker)
    assert view_of(kayako.desk, case).posts[-1].client_id == f"{ticket.marker}:summary:2"


def test_a_note_with_a_better_summary_is_added_once(room: Room, kayako: LabKayako) -> None:
    ticket = room.ticket(room.planned())
    room.open(ticket.id)
    with room.sessions.begin() as session:
        session.execute(update(OutboxRow).values(sent_at=datetime.now(UTC)))
    summariser(room, "The router restarts.").improve(ticket.conversation_id, uuid4())
    kayako.fail(KayakoFault.ANSWER_LOST, "POST /cases/*/reply", times=1)
    with pytest.raises(Transient):
        room.desk().update_ticket(ticket.id)
    room.desk().update_ticket(ticket.id)
    (case,) = kayako.active(ticket.marker)
    ids = [post.client_id for post in view_of(kayako.desk, case).posts]
    assert ids.count(f"{ticket.marker}:summary:2") == 1
    with room.sessions() as session:
        assert session.get_one(Ticket, ticket.id).lease_until is None


class BetterMeanwhile:
    """The record, in which a better summary appears while the ticket is being written."""

    def __init__(self, room: Room) -> None:
        self._known = PostgresConversations(room.sessions)
        self._room = room
        self._late = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._known, name)

    def newest_summary(self, conversation_id: UUID) -> VersionedSummary | None:
        found = self._known.newest_summary(conversation_id)
        if found is not None and not self._late:
            self._late = True
            summariser(self._room, "The router restarts.").improve(conversation_id, uuid4())
        return found


def test_a_better_summary_that_comes_while_the_ticket_is_written_is_not_lost(room: Room, kayako: LabKayako) -> None:
    ticket = room.ticket(room.planned())
    summariser(room).summarise(ticket.conversation_id, uuid4())
    desk = Desk(room.ledger, BetterMeanwhile(room), room.help_desk, Line(NoGate()), 90)
    desk.open_ticket(ticket.id)
    (case,) = kayako.active(ticket.marker)
    ids = [post.client_id for post in view_of(kayako.desk, case).posts]
    assert ids == [None, f"{ticket.marker}:transcript:1", f"{ticket.marker}:summary:2"]
    room.desk().update_ticket(ticket.id)
    assert len(view_of(kayako.desk, case).posts) == 3
