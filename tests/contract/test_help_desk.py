"""What every help desk promises: one suite for the one in memory and for Kayako's adapter on the lab's wire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from services.ticketing.adapters.kayako_desk import KayakoDesk
from services.ticketing.adapters.memory_desk import MemoryDesk
from services.ticketing.application.ports import Case, CaseGone, HelpDesk
from services.ticketing.domain.draft import Note, TicketDraft, write_draft
from services.ticketing.domain.requester import UNKNOWN_CALLER, Person
from shared.clients.kayako import KayakoClient
from shared.clock import SystemClock
from tests.lab_kayako import lab_kayako
from tests.unit.ticketing.heard import MARKER, router_call, summary

DANA = Person("Dana Reyes", "dana@example.test", "+13125550142")
LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture(params=["memory", "kayako"])
def desk(request: pytest.FixtureRequest) -> Iterator[HelpDesk]:
    if request.param == "memory":
        yield MemoryDesk(SystemClock())
        return
    with lab_kayako() as kayako:
        settings, clock = kayako.settings(), SystemClock()
        with KayakoClient(settings, clock) as client:
            yield KayakoDesk(client, settings, clock)


def draft(marker: str = MARKER) -> TicketDraft:
    return write_draft(router_call(), summary(), marker)


@dataclass
class Standing:
    """A case that was made."""

    case: Case
    requester_id: int


@pytest.fixture
def standing(desk: HelpDesk) -> Standing:
    requester = desk.create_requester(DANA)
    return Standing(desk.create_case(draft(), requester, bare=False), requester)


@pytest.mark.parametrize("thorough", [True, False])
def test_a_case_is_found_by_its_marker_and_by_no_other(desk: HelpDesk, standing: Standing, thorough: bool) -> None:
    found = desk.find_case(MARKER, standing.requester_id, thorough=thorough)
    assert found is not None
    assert found.id == standing.case.id
    assert desk.find_case(f"{MARKER}x", standing.requester_id, thorough=thorough) is None
    assert desk.find_case(MARKER[:-1], standing.requester_id, thorough=thorough) is None


def test_the_oldest_of_several_is_the_case(desk: HelpDesk, standing: Standing) -> None:
    desk.create_case(draft(), standing.requester_id, bare=True)
    found = desk.find_case(MARKER, None, thorough=False)
    assert found is not None
    assert found.id == standing.case.id


def test_a_bare_case_still_carries_its_marker(desk: HelpDesk) -> None:
    made = desk.create_case(draft(), desk.create_requester(DANA), bare=True)
    found = desk.find_case(MARKER, None, thorough=False)
    assert found is not None
    assert found.id == made.id


@pytest.mark.parametrize(
    "wanted",
    [
        Person("Somebody", "dana@example.test", None),
        Person("Somebody", "DANA@example.test", "+4930123456"),
        Person("Caller +13125550142", None, "+13125550142"),
    ],
)
def test_people_are_found_by_address_or_number(desk: HelpDesk, wanted: Person) -> None:
    dana = desk.create_requester(DANA)
    desk.create_requester(Person("Dana Other", "dana.other@example.test", "+13125550143"))
    assert desk.find_requester(wanted) == dana


@pytest.mark.parametrize(
    "wanted",
    [
        Person("Dana Reyes", "dan@example.test", "+13125550142"),
        Person("Dana Reyes", "dana@example.test.evil", None),
        Person("Dana Reyes", None, "+13125550143"),
        Person(UNKNOWN_CALLER, None, None),
    ],
)
def test_nobody_is_found_by_nearly(desk: HelpDesk, wanted: Person) -> None:
    desk.create_requester(DANA)
    assert desk.find_requester(wanted) is None


def test_callers_that_give_nothing_share_one_contact(desk: HelpDesk) -> None:
    unknown = Person(UNKNOWN_CALLER, None, None)
    assert desk.find_requester(unknown) is None
    made = desk.create_requester(unknown)
    assert desk.find_requester(unknown) == made


def test_a_note_stands_once_it_was_added(desk: HelpDesk, standing: Standing) -> None:
    note = Note.of(f"{MARKER}:transcript:1", "<p>Hello</p>")
    assert not desk.has_note(standing.case, note.client_id)
    desk.add_note(standing.case, note)
    assert desk.has_note(standing.case, note.client_id)
    assert not desk.has_note(standing.case, f"{MARKER}:transcript:10")
    assert not desk.has_note(standing.case, MARKER.upper())


def test_a_case_that_is_gone_takes_no_note(desk: HelpDesk) -> None:
    gone = Case(999_999, None)
    with pytest.raises(CaseGone):
        desk.has_note(gone, "x")
    with pytest.raises(CaseGone):
        desk.add_note(gone, Note.of("x", "<p>x</p>"))


def test_duplicates_are_seen_and_retired(desk: HelpDesk, standing: Standing) -> None:
    second = desk.create_case(draft(), standing.requester_id, bare=False)
    other = desk.create_case(draft("call-other"), standing.requester_id, bare=False)
    assert {marker: [case.id for case in cases] for marker, cases in desk.cases_by_marker(LONG_AGO).items()} == {
        MARKER: [standing.case.id, second.id],
        "call-other": [other.id],
    }
    desk.retire([second], standing.case)
    remaining = desk.cases_by_marker(LONG_AGO)[MARKER]
    assert [case.id for case in remaining] == [standing.case.id]
    assert desk.has_note(standing.case, f"duplicate:{second.id}")
    found = desk.find_case(MARKER, None, thorough=True)
    assert found is not None
    assert found.id == standing.case.id
