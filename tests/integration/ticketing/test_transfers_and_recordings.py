"""What a ticket says about transfers and recordings, whenever it learns of them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import select

from lab.kayako.faults import KayakoFault
from lab.kayako.views import view_of
from services.ticketing.domain.first_post import OUTCOMES, TRANSFERS
from shared.contracts.calls import TransferOutcome
from shared.contracts.conversations import Outcome
from shared.database.models import Call, Recording, Ticket, Transfer
from shared.errors import Transient
from tests.integration.ticketing.conftest import Room
from tests.lab_kayako import LabKayako

SID = "RE" + "1" * 32
ADDRESS = "https://api.twilio.com/2010-04-01/Accounts/AC0/Recordings/" + SID


def call_id_of(room: Room, ticket: Ticket) -> UUID:
    with room.sessions() as session:
        return session.scalars(select(Call.id).where(Call.conversation_id == ticket.conversation_id)).one()


def record(room: Room, ticket: Ticket, sid: str = SID, status: str = "completed", kind: str = "message") -> None:
    with room.sessions.begin() as session:
        row = Recording(
            recording_sid=sid, call_id=call_id_of(room, ticket), kind=kind, status=status, url=ADDRESS, seconds=12
        )
        session.merge(row)


def posts(kayako: LabKayako, ticket: Ticket) -> list[tuple[str | None, str]]:
    (case,) = kayako.active(ticket.marker)
    return [(post.client_id, post.html or "") for post in view_of(kayako.desk, case).posts]


def test_a_message_that_is_ready_later_becomes_a_note_on_the_same_case(room: Room, kayako: LabKayako) -> None:
    ticket = room.ticket(room.planned())
    record(room, ticket, status="in-progress")
    room.open(ticket.id)
    note = f"{ticket.marker}:recording:{SID}"
    assert note not in dict(posts(kayako, ticket))
    record(room, ticket)
    kayako.fail(KayakoFault.ANSWER_LOST, "POST /cases/*/reply", times=1)
    with pytest.raises(Transient):
        room.desk().update_ticket(ticket.id)
    for _ in range(2):
        room.desk().update_ticket(ticket.id)
    found = posts(kayako, ticket)
    assert [client_id for client_id, _ in found].count(note) == 1
    said = dict(found)[note]
    assert "The caller left a message (12 s)." in said
    assert ADDRESS in said
    assert room.ticket(ticket.id).notes_sent.count(note) == 1


def test_what_is_ready_before_the_case_stands_is_written_with_it(room: Room, kayako: LabKayako) -> None:
    ticket = room.ticket(room.planned())
    record(room, ticket, kind="call")
    record(room, ticket, sid="RE" + "2" * 32, status="absent")
    room.open(ticket.id)
    room.desk().update_ticket(ticket.id)
    names = [client_id for client_id, _ in posts(kayako, ticket)]
    assert names == [None, f"{ticket.marker}:transcript:1", f"{ticket.marker}:recording:{SID}"]
    assert "The call was recorded (12 s)." in posts(kayako, ticket)[-1][1]


@pytest.mark.parametrize(
    ("outcome", "seconds", "said"),
    [
        (TransferOutcome.ACCEPTED, 65, "to +12025550180: a person took the call, talked for 1 min 05 s"),
        (TransferOutcome.DECLINED, None, "to +12025550180: the person declined"),
        (None, None, "to +12025550180: nobody has reported how it went"),
    ],
)
def test_the_first_post_says_how_a_transfer_went(
    room: Room, kayako: LabKayako, outcome: TransferOutcome | None, seconds: int | None, said: str
) -> None:
    ticket = room.ticket(room.planned())
    with room.sessions.begin() as session:
        session.add(
            Transfer(
                call_id=call_id_of(room, ticket), number="+12025550180", mode="warm", outcome=outcome,
                started_at=datetime.now(UTC), seconds=seconds,
            )
        )  # fmt: skip
    room.open(ticket.id)
    assert said in posts(kayako, ticket)[0][1]


def test_a_call_of_ours_says_so(room: Room, kayako: LabKayako) -> None:
    ticket = room.ticket(room.planned())
    with room.sessions.begin() as session:
        session.get_one(Call, call_id_of(room, ticket)).direction = "outbound-api"
    room.open(ticket.id)
    assert "Direction: we called" in posts(kayako, ticket)[0][1]


def test_there_are_words_for_everything_that_may_happen() -> None:
    assert set(OUTCOMES) == set(Outcome)
    assert set(TRANSFERS) == set(TransferOutcome)
