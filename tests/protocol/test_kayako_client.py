"""Our client against the lab's Kayako: what each failure means for what may have been done."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from lab.kayako.desk import DeskSettings
from lab.kayako.faults import KayakoFault
from lab.kayako.sessions import SignInRule
from shared.clients.kayako import AFTER_REFUSED_SIGN_IN_S, KayakoClient
from shared.clients.kayako_errors import (
    FieldRefused,
    KayakoUnavailable,
    NoSuchResource,
    NotAllowed,
    RateLimited,
    Refused,
    SessionLost,
    SignInLocked,
    SignInRefused,
)
from shared.clock import SystemClock
from shared.errors import OutcomeUnknown
from shared.observability.logs import QUIET
from tests.lab_kayako import LabKayako, lab_kayako


class SetClock(SystemClock):
    """The machine's clock, moved on by the test."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)


@pytest.fixture
def kayako() -> Iterator[LabKayako]:
    with lab_kayako() as lab:
        yield lab


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def client(kayako: LabKayako, clock: SetClock) -> Iterator[KayakoClient]:
    with KayakoClient(kayako.settings(kayako_timeout_s=1), clock) as client:
        yield client


def new_case(kayako: LabKayako) -> dict[str, object]:
    requester = kayako.desk.add_user("Dana Reyes", 4)
    return {"subject": "Router", "contents": "It restarts.", "channel": "NOTE", "requester_id": requester.id}


def test_reads_and_writes_with_basic_each(client: KayakoClient, kayako: LabKayako) -> None:
    made = client.post("cases", {**new_case(kayako), "tags": "ai-call,call-1"}).created_id
    listed = client.get("cases", tags="call-1", fields="+tags")
    assert [row["id"] for row in listed.rows] == [made]
    assert {tag["name"] for tag in listed.rows[0]["tags"]} == {"ai-call", "call-1"}
    assert client.put(f"cases/{made}", {"subject": "Modem"}).row["subject"] == "Modem"


def test_a_session_cookie_is_never_sent_along(client: KayakoClient) -> None:
    for _ in range(3):
        client.get("me")
    assert not client._http.cookies


@pytest.mark.parametrize(
    ("mode", "rule"),
    [
        ("session", SignInRule.DOCUMENTED),
        ("basic_plus_session", SignInRule.REPORTED),
        ("basic_each", SignInRule.DOCUMENTED),
    ],
)
def test_every_mode_signs_in_and_writes(mode: str, rule: SignInRule, clock: SetClock) -> None:
    with (
        lab_kayako(DeskSettings(sign_in_rule=rule)) as kayako,
        KayakoClient(kayako.settings(kayako_auth_mode=mode), clock) as client,
    ):
        made = client.post("cases", new_case(kayako)).created_id
        assert client.get(f"cases/{made}").row["subject"] == "Router"


def test_a_lost_session_is_opened_again_for_reads_and_reported_for_writes(kayako: LabKayako, clock: SetClock) -> None:
    with KayakoClient(kayako.settings(kayako_auth_mode="session"), clock) as client:
        client.get("me")
        kayako.fail(KayakoFault.SESSION_LOST, "GET /cases", times=1)
        assert client.get("cases").rows == []
        kayako.fail(KayakoFault.SESSION_LOST, "POST /cases", times=1)
        body = new_case(kayako)
        with pytest.raises(SessionLost):
            client.post("cases", body)
        assert not kayako.desk.cases
        assert client.post("cases", body).created_id


def test_pages_bring_everything_once(client: KayakoClient, kayako: LabKayako, clock: SetClock) -> None:
    numbers = [client.post("cases", new_case(kayako)).created_id for _ in range(7)]
    with KayakoClient(kayako.settings(kayako_page=3), clock) as small:
        assert sorted(row["id"] for page in small.pages("cases") for row in page.rows) == numbers
        kayako.fail(KayakoFault.OFFSET_IGNORED)
        rows = [row["id"] for page in small.pages("cases") for row in page.rows]
    assert len(rows) == len(set(rows)) == 3


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (KayakoFault.ANSWER_LOST, OutcomeUnknown),
        (KayakoFault.ERROR_AFTER_COMMIT, OutcomeUnknown),
        (KayakoFault.ERROR_BEFORE_COMMIT, OutcomeUnknown),
        (KayakoFault.TRUNCATED_JSON, OutcomeUnknown),
        (KayakoFault.HTML_ERROR, OutcomeUnknown),
        (KayakoFault.COMMIT_DELAYED, OutcomeUnknown),
        (KayakoFault.RATE_LIMITED, RateLimited),
        (KayakoFault.SESSION_LOST, SessionLost),
        (KayakoFault.UNAUTHORISED, SignInRefused),
        (KayakoFault.FORBIDDEN, NotAllowed),
        (KayakoFault.NOT_FOUND, NoSuchResource),
    ],
)
def test_a_failed_write_says_whether_it_may_have_been_done(
    client: KayakoClient, kayako: LabKayako, fault: KayakoFault, error: type[Exception]
) -> None:
    kayako.fail(fault, "POST /cases", times=1)
    body = new_case(kayako)
    with pytest.raises(error) as raised:
        client.post("cases", body)
    assert raised.type is error
    if error is not OutcomeUnknown:
        assert not kayako.desk.cases


@pytest.mark.parametrize("fault", [KayakoFault.SLOW_ANSWER, KayakoFault.SLOW_BODY])
def test_a_slow_answer_ends_at_the_deadline(client: KayakoClient, kayako: LabKayako, fault: KayakoFault) -> None:
    kayako.fail(fault, seconds=30)
    with pytest.raises(OutcomeUnknown):
        client.post("cases", new_case(kayako))
    assert len(kayako.desk.cases) == 1
    with pytest.raises(KayakoUnavailable):
        client.get("cases")


def test_a_refused_field_is_named(client: KayakoClient, kayako: LabKayako) -> None:
    with pytest.raises(FieldRefused) as refused:
        client.post("cases", {**new_case(kayako), "priority_id": 4711})
    assert (refused.value.code, refused.value.fields) == ("FIELD_INVALID", ("priority_id",))


def test_a_wrong_path_is_no_refused_field(client: KayakoClient) -> None:
    with pytest.raises(Refused) as refused:
        client.get("nothing-like-this")
    assert refused.type is Refused
    assert refused.value.code == "APP_NOT_FOUND"


def test_after_a_refused_sign_in_nothing_is_sent_for_a_while(kayako: LabKayako, clock: SetClock) -> None:
    wrong = kayako.settings(kayako_password=SecretStr("wrong"))
    with KayakoClient(wrong, clock) as client:
        for _ in range(20):
            with pytest.raises(SignInRefused):
                client.get("cases")
        clock.ahead = AFTER_REFUSED_SIGN_IN_S + 1
        with pytest.raises(SignInRefused):
            client.get("cases")
    with KayakoClient(kayako.settings(), clock) as right:
        assert right.get("cases").rows == [], "twenty-one calls were two sign-ins: far from the lock after five"


def test_a_locked_sign_in_is_left_alone_until_it_opens(clock: SetClock) -> None:
    with lab_kayako(DeskSettings(lock_after=1, lock_s=600)) as kayako:
        wrong = kayako.settings(kayako_password=SecretStr("wrong"))
        with KayakoClient(wrong, SystemClock()) as refused, pytest.raises(SignInRefused):
            refused.get("cases")
        with KayakoClient(kayako.settings(), clock) as client:
            with pytest.raises(SignInLocked) as locked:
                client.get("cases")
            assert locked.value.retry_after is not None
            assert 500 < locked.value.retry_after <= 600
            clock.ahead = 300
            with pytest.raises(SignInLocked) as still:
                client.get("cases")
            assert still.value.retry_after is not None
            assert still.value.retry_after < 310


def test_a_limit_holds_back_only_the_requests_it_is_about(
    client: KayakoClient, kayako: LabKayako, clock: SetClock
) -> None:
    limit = kayako.fail(KayakoFault.RATE_LIMITED, "POST /cases", times=1, seconds=30)
    body = new_case(kayako)
    with pytest.raises(RateLimited) as limited:
        client.post("cases", body)
    assert limited.value.retry_after == 30
    with pytest.raises(RateLimited):
        client.post("cases", body)
    assert limit.fired == 1
    assert client.get("cases").rows == []
    clock.ahead = 31
    assert client.post("cases", body).created_id


def test_an_outage_opens_the_breaker(clock: SetClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with lab_kayako() as kayako, KayakoClient(kayako.settings(kayako_url=nobody), clock) as client:
        for _ in range(3):
            with pytest.raises(KayakoUnavailable):
                client.post("cases", {})
        with pytest.raises(KayakoUnavailable, match="left alone"):
            client.post("cases", {})


def test_nothing_of_people_is_logged_or_said(
    client: KayakoClient, kayako: LabKayako, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    kayako.fail(KayakoFault.ERROR_BEFORE_COMMIT)
    # httpx logs each address at INFO: our processes quieten it, see shared.observability.logs
    assert {"httpx", "httpcore"} <= set(QUIET)
    with caplog.at_level(logging.WARNING), pytest.raises(KayakoUnavailable) as failed:
        client.get("autocomplete/emails", address="dana@example.test")
    written = capsys.readouterr().out
    assert "kayako_refused" in written
    assert "dana" not in f"{failed.value} {caplog.text} {written}"
