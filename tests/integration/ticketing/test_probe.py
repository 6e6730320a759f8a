"""The first look at a tenant, on tenants that differ, and what follows from it for tickets."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from lab.kayako.cases import CaseState
from lab.kayako.desk import EMAIL, PASSWORD, DeskSettings
from lab.kayako.faults import KayakoFault
from lab.kayako.lookups import CaseForm
from lab.kayako.sessions import SignInRule
from services.ticketing.adapters.kayako_desk import KayakoDesk
from services.ticketing.adapters.kayako_probe import KayakoProbe
from services.ticketing.application.ports import Parked, StillUnknown
from services.ticketing.assembly import quiet_s
from services.ticketing.domain.probe import Report, Verdict
from services.ticketing.probe import store
from shared.clients.kayako import KayakoClient
from shared.clients.kayako_capabilities import Capabilities
from shared.clients.kayako_known import known_capabilities
from shared.clock import SystemClock
from shared.contracts.tickets import TicketState
from shared.database.engine import Sessions
from tests.integration.ticketing.conftest import Room
from tests.lab_kayako import LabKayako, lab_kayako

MakeTenant = Callable[..., LabKayako]
WRITES = ("POST", "PUT", "DELETE")


@pytest.fixture
def make_tenant() -> Iterator[MakeTenant]:
    """Tenants that differ by their settings, each with three cases tagged `Router`."""
    with ExitStack() as stack:

        def make(**settings: Any) -> LabKayako:
            kayako = stack.enter_context(lab_kayako(replace(DeskSettings(search_lag_s=0), **settings)))
            mode = "basic_each" if kayako.desk.settings.honours_no_csrf else "session"
            with KayakoClient(kayako.settings(kayako_auth_mode=mode), SystemClock()) as client:
                body = {"subject": "A case", "contents": "x", "channel": "NOTE", "requester_id": 15, "tags": "Router"}
                for _ in range(3):
                    client.post("cases", body)
            return kayako

        yield make


def probed(kayako: LabKayako, *, write: bool = False, longest_wait_s: float = 3, **settings: Any) -> Report:
    return KayakoProbe(kayako.settings(**settings), SystemClock(), longest_wait_s).run(write=write)


def problems(report: Report) -> list[str]:
    return [finding.text for finding in report.findings if finding.verdict is Verdict.PROBLEM]


def said(report: Report, part: str) -> bool:
    return any(part in finding.text for finding in report.findings)


def room_on(sessions: Sessions, kayako: LabKayako, known: Capabilities) -> Iterator[Room]:
    settings, clock = kayako.settings(), SystemClock()
    with KayakoClient(settings, clock, known) as client:
        yield Room(sessions, KayakoDesk(client, settings, clock, known))


def test_a_tenant_as_documented_has_no_problem(make_tenant: MakeTenant) -> None:
    kayako = make_tenant()
    report = probed(kayako)
    assert problems(report) == []
    assert report.capabilities == Capabilities(
        auth_mode="basic_each",
        largest_page=100,
        gives_next_page=True,
        filters_by_tag=True,
        has_call_field=True,
    )
    assert said(report, "CUSTOMER is 4")
    assert said(report, "404 RESOURCE_NOT_FOUND")
    assert said(report, "not minding case")


def test_reading_changes_nothing(make_tenant: MakeTenant) -> None:
    kayako = make_tenant()
    refused = [kayako.fail(KayakoFault.FORBIDDEN, f"{verb} *") for verb in WRITES]
    assert problems(probed(kayako)) == []
    assert [fault.fired for fault in refused] == [0, 0, 0]


@pytest.mark.parametrize(
    ("settings", "mode"),
    [
        ({}, "basic_each"),
        ({"sign_in_rule": SignInRule.REPORTED}, "basic_each"),
        ({"honours_no_csrf": False}, "session"),
    ],
)
def test_the_way_of_signing_in_that_works_is_used(make_tenant: MakeTenant, settings: dict[str, Any], mode: str) -> None:
    kayako = make_tenant(**settings)
    report = probed(kayako, write=True)
    assert report.capabilities.auth_mode == mode
    assert problems(report) == []
    with KayakoClient(kayako.settings(), SystemClock(), report.capabilities) as client:
        assert client.put(f"cases/{next(iter(kayako.desk.cases))}", {"subject": "Changed"}).row["subject"] == "Changed"


def test_a_second_factor_is_said_plainly_and_tried_once(make_tenant: MakeTenant) -> None:
    kayako = make_tenant()
    kayako.desk.sessions.accounts[EMAIL].one_time_code = "123456"
    report = probed(kayako)
    assert not report.signed_in
    assert problems(report) == [
        "two-factor authentication is on for KAYAKO_EMAIL; use an agent user without it",
    ]


def test_a_wrong_password_is_tried_once(make_tenant: MakeTenant) -> None:
    kayako = make_tenant(lock_after=2)
    assert not probed(kayako, kayako_password="wrong").signed_in
    assert probed(kayako).signed_in, "the account is not locked"


def test_lists_without_a_next_page_are_counted_on(make_tenant: MakeTenant) -> None:
    kayako = make_tenant(gives_next_page=False, largest_page=2)
    known = probed(kayako).capabilities
    assert (known.gives_next_page, known.largest_page) == (False, 2)
    with KayakoClient(kayako.settings(), SystemClock(), known) as client:
        assert sum(len(page.rows) for page in client.pages("cases")) == 3
    with KayakoClient(kayako.settings(), SystemClock()) as client:
        assert sum(len(page.rows) for page in client.pages("cases")) == 2, "without the flag the list looks complete"


def test_lists_that_ignore_their_offset_are_a_problem(make_tenant: MakeTenant) -> None:
    kayako = make_tenant()
    kayako.fail(KayakoFault.OFFSET_IGNORED, "GET /cases")
    assert problems(probed(kayako)) == [
        "lists ignore their offset: only the newest cases are swept, and imports may end early"
    ]


def test_where_tags_cannot_be_asked_for_the_requesters_cases_are_looked_through(
    sessions: Sessions, make_tenant: MakeTenant
) -> None:
    kayako = make_tenant(filters_by_tag=False)
    known = probed(kayako).capabilities
    assert known.filters_by_tag is False
    for room in room_on(sessions, kayako, known):
        ticket_id = room.planned()
        kayako.fail(KayakoFault.ANSWER_LOST, "POST /cases", times=1)
        with pytest.raises(StillUnknown):
            room.open(ticket_id)
        with KayakoClient(kayako.settings(), SystemClock()) as client:
            for _ in range(21):  # so many newer ones that an unfiltered list does not reach ours
                client.post("cases", {"subject": "x", "contents": "x", "channel": "NOTE", "requester_id": 15})
        requester = room.ticket(ticket_id).requester_id
        marker = room.ticket(ticket_id).marker
        assert room.help_desk.find_case(marker, requester, thorough=False) is not None
    for unknowing in room_on(sessions, kayako, Capabilities()):
        assert unknowing.help_desk.find_case(marker, requester, thorough=False) is None


def test_a_field_that_the_default_form_demands_leads_to_another_form(
    sessions: Sessions, make_tenant: MakeTenant
) -> None:
    kayako = make_tenant()
    tables = kayako.desk.tables
    product = next(field for field in tables.fields.values() if field.key == "product")
    product.is_required_for_agents = True
    assert problems(probed(kayako)) == [
        "the default form demands product of agents: make it optional, or tickets are parked"
    ]
    for room in room_on(sessions, kayako, probed(kayako).capabilities):
        with pytest.raises(Parked):
            room.open(room.planned())
    plain = CaseForm(id=40, title="Plain", field_ids=(1, 2, 6))
    tables.forms[plain.id] = plain
    kayako.desk.keep(plain)
    report = probed(kayako)
    assert (problems(report), report.capabilities.form_id) == ([], 40)
    for room in room_on(sessions, kayako, report.capabilities):
        ticket_id = room.planned()
        room.open(ticket_id)
        ticket = room.ticket(ticket_id)
        assert ticket.state == TicketState.OPEN
        (case,) = kayako.active(ticket.marker)
        assert (case.form_id, case.field_values) == (40, {6: ticket.marker})


def test_a_customer_role_that_is_missing_is_a_problem(make_tenant: MakeTenant) -> None:
    kayako = make_tenant()
    kayako.desk.tables.roles.pop(4)
    assert problems(probed(kayako, kayako_default_team="Billing")) == ["no CUSTOMER: new callers' tickets are parked"]
    wrong_team = problems(probed(kayako, kayako_default_team="Nobody"))
    assert "KAYAKO_DEFAULT_TEAM names no team: cases are assigned to nobody" in wrong_team


def test_a_step_that_is_refused_does_not_end_the_probe(make_tenant: MakeTenant) -> None:
    kayako = make_tenant()
    kayako.fail(KayakoFault.FORBIDDEN, "GET /cases/forms")
    report = probed(kayako)
    assert len(problems(report)) == 1
    assert "could not be found out" in problems(report)[0]
    assert report.capabilities.filters_by_tag


def test_a_writing_probe_measures_and_leaves_nothing_behind(make_tenant: MakeTenant) -> None:
    kayako = make_tenant(list_lag_s=1.2, search_lag_s=0.4)
    report = probed(kayako, write=True)
    assert problems(report) == []
    assert report.capabilities.shown_after_s is not None
    assert 0.4 <= report.capabilities.shown_after_s < 1.2
    assert said(report, "notes keep their client_id")
    assert said(report, "legacy_id cannot be set")
    *_, trial = kayako.desk.cases.values()
    assert trial.state is CaseState.TRASH
    assert kayako.desk.mails == []


def test_a_case_that_shows_nowhere_lengthens_the_quiet_time(make_tenant: MakeTenant) -> None:
    kayako = make_tenant(list_lag_s=60, search_lag_s=60)
    report = probed(kayako, write=True, longest_wait_s=1)
    assert len(problems(report)) == 3
    assert quiet_s(kayako.settings(kayako_quiet_s=2), report.capabilities) == 3
    assert quiet_s(kayako.settings(kayako_quiet_s=90), report.capabilities) == 90


@pytest.mark.parametrize(
    ("fault", "where", "problem"),
    [
        (KayakoFault.TAGS_STRIPPED, "POST /cases", ["not shown by the list by tag", "loses its tag"]),
        (KayakoFault.TAGS_LOWERED, "POST /cases", []),
    ],
)
def test_rules_of_the_tenant_show_in_a_writing_probe(
    make_tenant: MakeTenant, fault: KayakoFault, where: str, problem: list[str]
) -> None:
    kayako = make_tenant()
    kayako.fail(fault, where)
    report = probed(kayako, write=True, longest_wait_s=1)
    assert all(said(report, part) for part in problem)
    assert bool(problems(report)) is bool(problem)


def test_a_case_that_may_not_be_trashed_is_named(make_tenant: MakeTenant) -> None:
    kayako = make_tenant()
    kayako.fail(KayakoFault.FORBIDDEN, "PUT /cases/*/trash")
    report = probed(kayako, write=True)
    *_, trial = kayako.desk.cases
    assert said(report, f"close case {trial} by hand")


def test_a_reading_probe_keeps_what_a_writing_one_measured(sessions: Sessions, make_tenant: MakeTenant) -> None:
    kayako, clock = make_tenant(), SystemClock()
    assert known_capabilities(sessions, kayako.address) == Capabilities()
    store(sessions, kayako.address, probed(kayako, write=True), clock, wrote=True)
    measured = known_capabilities(sessions, kayako.address).shown_after_s
    assert measured is not None
    kayako.desk.tables.forms.clear()
    store(sessions, kayako.address, probed(kayako), clock, wrote=False)
    known = known_capabilities(sessions, kayako.address)
    assert (known.shown_after_s, known.has_call_field) == (measured, False)


@pytest.mark.parametrize("stored", [True, False])
def test_the_command_says_and_stores(
    database_url: str, sessions: Sessions, make_tenant: MakeTenant, stored: bool
) -> None:
    kayako = make_tenant()
    environment = {"KAYAKO_URL": kayako.address, "KAYAKO_EMAIL": EMAIL, "KAYAKO_PASSWORD": PASSWORD}
    inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    if stored:
        environment["DATABASE_URL"] = database_url
    done = subprocess.run(
        [sys.executable, "-m", "services.ticketing.probe"],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "basic_each works, and is used" in done.stdout
    assert PASSWORD not in done.stdout
    assert ("Stored." in done.stdout) is stored
    assert (known_capabilities(sessions, kayako.address) != Capabilities()) is stored
