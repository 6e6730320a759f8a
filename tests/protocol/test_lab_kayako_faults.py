"""Every way in which the stand-in fails or lies, as a client meets it."""

from __future__ import annotations

import json
import time

import httpx
import pytest

from lab.kayako.faults import KayakoFault as Kind
from tests.protocol.lab_desk import Lab, Watch, code, kayako, names
from tests.waiting import wait_for_async

CASE = {"subject": "Router", "contents": "It restarts.", "channel": "NOTE", "tags": "ai-call,Call-X"}


async def create(lab: Lab) -> httpx.Response:
    return await lab.post("cases.json", CASE | {"requester_id": lab.desk.add_user("Dana Reyes", 4).id})


async def test_an_answer_lost_after_the_commit_leaves_a_case() -> None:
    async with kayako() as lab:
        lost = lab.fail(Kind.ANSWER_LOST, "POST /cases", times=1)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            await create(lab)
        assert (lost.fired, len(lab.desk.cases)) == (1, 1)
        assert len(await lab.rows("cases", tags="call-x")) == 1
        assert (await create(lab)).status_code == 201, "it happens once"


async def test_500_after_and_before_the_commit_look_the_same() -> None:
    async with kayako() as lab:
        lab.fail(Kind.ERROR_AFTER_COMMIT, "POST /cases", times=1)
        after = await create(lab)
        assert (after.status_code, len(lab.desk.cases)) == (500, 1)
        lab.fail(Kind.ERROR_BEFORE_COMMIT, "POST /cases", times=1)
        before = await create(lab)
        assert (before.status_code, len(lab.desk.cases)) == (500, 1)
        assert before.json() == after.json()


async def test_a_commit_may_come_after_the_connection_died() -> None:
    async with kayako() as lab:
        lab.fail(Kind.COMMIT_DELAYED, "POST /cases", times=1, seconds=0.3)
        began = time.monotonic()
        with pytest.raises(httpx.RemoteProtocolError):
            await create(lab)
        assert lab.desk.cases == {}

        async def appeared() -> bool:
            return len(await lab.rows("cases", tags="call-x")) == 1

        await wait_for_async(appeared, 5, "the late case")
        assert time.monotonic() - began >= 0.3


async def test_lists_and_search_may_lag_behind() -> None:
    watch = Watch()
    async with kayako(clock=watch) as lab:
        lab.fail(Kind.LIST_LAG, "POST /cases", seconds=30)
        lab.fail(Kind.SEARCH_LAG, "POST /cases", seconds=60)
        number = (await create(lab)).json()["data"]["id"]
        assert await lab.rows("cases", tags="call-x") == []
        assert (await lab.get(f"cases/{number}")).status_code == 200
        watch.elapsed += 30
        assert len(await lab.rows("cases", tags="call-x")) == 1
        assert await lab.rows("search", query="call-x") == []
        watch.elapsed += 30
        assert len(await lab.rows("search", query="call-x")) == 1
        truth = (await lab.http.get(f"{lab.address}/lab/cases", params={"tag": "call-x"})).json()
        assert (truth["total"], truth["cases"][0]["id"]) == (1, number), "the lab itself is never behind"
        older = (await lab.http.get(f"{lab.address}/lab/cases", params={"before": str(number)})).json()
        assert [case["id"] for case in older["cases"] if case["id"] >= number] == []
        assert (await lab.http.get(f"{lab.address}/lab/cases", params={"before": "x"})).status_code == 422


async def test_triggers_change_what_was_asked_for() -> None:
    async with kayako() as lab:
        lab.fail(Kind.TAGS_LOWERED, times=1)
        lowered = (await create(lab)).json()["data"]["id"]
        assert names(await lab.rows(f"cases/{lowered}/tags")) == ["ai-call", "call-x"]
        lab.fail(Kind.TAGS_STRIPPED, times=1)
        stripped = (await create(lab)).json()["data"]["id"]
        assert await lab.rows(f"cases/{stripped}/tags") == []
        lab.fail(Kind.CASE_CLOSED, times=1)
        closed = (await create(lab)).json()["data"]
        assert closed["status"]["id"] == 23


async def test_refusals_on_demand() -> None:
    async with kayako() as lab:
        for kind, status, expected in (
            (Kind.UNAUTHORISED, 401, "AUTHENTICATION_FAILED"),
            (Kind.FORBIDDEN, 403, "PERMISSIONS_DENIED"),
            (Kind.NOT_FOUND, 404, "RESOURCE_NOT_FOUND"),
            (Kind.RATE_LIMITED, 429, "RATE_LIMIT_REACHED"),
        ):
            lab.fail(kind, "POST /cases", times=1)
            refused = await create(lab)
            assert (refused.status_code, code(refused)) == (status, expected)
        assert refused.headers["Retry-After"] == "59"
        lab.fail(Kind.RATE_LIMITED, seconds=7, times=1)
        assert (await create(lab)).headers["Retry-After"] == "7"
        assert lab.desk.cases == {}


async def test_a_session_may_be_lost_in_the_middle() -> None:
    async with kayako() as lab:
        session = {"X-Session-ID": (await lab.get("me")).json()["session_id"]}
        async with httpx.AsyncClient(base_url=f"{lab.address}/api/v1/", headers=session) as http:
            lab.fail(Kind.SESSION_LOST, "GET /cases", times=1)
            for _ in range(2):
                lost = await http.get("cases")
                assert (lost.status_code, code(lost)) == (454, "SESSION_LOADING_FAILED"), "it is really gone"


async def test_answers_that_cannot_be_read() -> None:
    async with kayako() as lab:
        lab.fail(Kind.TRUNCATED_JSON, "GET /cases*", times=1)
        cut = await lab.get("cases")
        assert cut.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            cut.json()
        lab.fail(Kind.HTML_ERROR, "GET /cases*", times=1)
        page = await lab.get("cases")
        assert (page.status_code, page.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
        assert page.text.startswith("<html>")


async def test_slow_answers_and_slow_bodies_meet_the_read_timeout() -> None:
    async with kayako() as lab:
        lab.fail(Kind.SLOW_ANSWER, "POST /cases", times=1, seconds=30)
        lab.http.timeout = httpx.Timeout(0.2)
        with pytest.raises(httpx.ReadTimeout):
            await create(lab)
        assert len(lab.desk.cases) == 1, "the work was done at once"
        lab.fail(Kind.SLOW_BODY, "GET /cases", times=1, seconds=0.4)
        began = time.monotonic()
        async with lab.http.stream("GET", "cases") as trickling:
            assert time.monotonic() - began < 0.2, "the headers come at once"
            body = await trickling.aread()
        assert time.monotonic() - began >= 0.35
        assert len(json.loads(body)["data"]) == 1
        lab.fail(Kind.SLOW_BODY, "GET /cases", times=1, seconds=30)
        with pytest.raises(httpx.ReadTimeout):
            await lab.get("cases")


async def test_posts_may_ignore_the_offset() -> None:
    async with kayako() as lab:
        case = (await create(lab)).json()["data"]["id"]
        for number in range(3):
            await lab.post(f"cases/{case}/reply", {"contents": f"{number}", "channel": "NOTE"})
        lab.fail(Kind.OFFSET_IGNORED, "GET /cases/*/posts")
        first = await lab.rows(f"cases/{case}/posts", limit=2, offset=0)
        assert await lab.rows(f"cases/{case}/posts", limit=2, offset=2) == first


async def test_faults_are_set_over_http_and_follow_their_chance() -> None:
    async with kayako() as lab:
        control = f"{lab.address}/lab/faults"
        wanted = {"faults": [{"kind": "forbidden", "where": "GET /users", "probability": 0.5}]}
        assert (await lab.http.post(control, json=wanted)).status_code == 200
        statuses = [(await lab.get("users")).status_code for _ in range(100)]
        assert 30 <= statuses.count(403) <= 70
        assert set(statuses) == {200, 403}
        (told,) = (await lab.http.get(control)).json()["faults"]
        assert told["fired"] == statuses.count(403)
        counted = (await lab.http.get(f"{lab.address}/lab/requests")).json()["requests"]
        assert {"method": "GET", "resource": "users", "status": 403, "count": told["fired"]} in counted
        wrong = await lab.http.post(control, json={"faults": [{"kind": "no_such_fault"}]})
        assert wrong.status_code == 422
        assert len(lab.desk.faults.active) == 1, "a refused setting changes nothing"
        assert (await lab.http.delete(control)).json() == {"faults": []}
        assert (await lab.get("users")).status_code == 200
