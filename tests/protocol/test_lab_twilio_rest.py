"""The stand-in for Twilio: its REST interface with the vendor's SDK as client, and the lab's own routes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response as SdkResponse
from twilio.rest import Client

from lab.twilio.app import make_app
from lab.twilio.call import Call
from lab.twilio.faults import Faults, RestFaults
from lab.twilio.network import PhoneNetwork
from lab.twilio.people import Act
from lab.twilio.settings import Callee
from tests.protocol.toy_platform import ACCOUNT, LINE, TOKEN, ToyPlatform, over, response, toy_platform
from tests.serving import serving
from tests.waiting import wait_for_async

CALLER = "+12025550123"
PAUSE = "<Pause length='3000'/>"


class Redirected(TwilioHttpClient):  # type: ignore[misc]
    """The SDK's own client, sent to the lab instead of api.twilio.com."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def request(self, method: str, url: str, *arguments: Any, **options: Any) -> SdkResponse:
        assert url.startswith("https://api.twilio.com/")
        moved = url.replace("https://api.twilio.com", self._address)
        return super().request(method, moved, *arguments, **options)

    def close(self) -> None:
        if self.session is not None:
            self.session.close()


class Patient:
    """Listens for ever."""

    def tick(self, heard: bytes) -> Act:
        del heard
        return Act()


@dataclass
class Rest:
    """A network with its REST interface, and the SDK in front of it."""

    platform: ToyPlatform
    network: PhoneNetwork
    address: str
    client: Client

    async def ask(self, request: Any, *arguments: Any, **options: Any) -> Any:
        """One blocking call of the SDK, in a thread."""
        return await asyncio.to_thread(request, *arguments, **options)

    async def live_call(self) -> Call:
        """A call that has been answered and lasts."""
        self.platform.documents["/voice"] = response(PAUSE)
        call = self.network.call_in(CALLER, Patient())
        await self.until(lambda: call.record.status == "in-progress")
        return call

    async def until(self, is_so: Any) -> None:
        async def look() -> bool:
            return bool(is_so())

        await wait_for_async(look, 5, "the call has come so far")


@asynccontextmanager
async def rest(user: str = ACCOUNT, password: str = TOKEN, **settings: Any) -> AsyncIterator[Rest]:
    async with toy_platform(**settings) as (platform, network), serving(make_app(network)) as address:
        http = Redirected(address)
        client = Client(user, password, account_sid=ACCOUNT, http_client=http)
        yield Rest(platform, network, address, client)
        http.close()


async def test_a_call_is_created_and_followed() -> None:
    callees = {CALLER: Callee(answers_after_s=1, talks_for_s=3, says="Hello?")}
    async with rest(callees=callees) as r:
        r.platform.documents["/outbound"] = response("<Say>Your engineer comes tomorrow.</Say>")
        created = await r.ask(
            r.client.calls.create,
            to=CALLER,
            from_=LINE,
            url=f"{r.platform.public}/outbound",
            status_callback=f"{r.platform.public}/status",
            status_callback_event=["initiated", "ringing", "answered", "completed"],
        )
        assert (created.status, created.direction) in (("queued", "outbound-api"), ("ringing", "outbound-api"))
        call = r.network.call(created.sid)
        assert call is not None
        record = await over(call.record, r.network)
        fetched = await r.ask(r.client.calls(created.sid).fetch)
    assert (fetched.status, fetched.to, fetched.from_formatted) == ("completed", CALLER, LINE)
    assert int(fetched.duration) == round(record.duration_s)
    assert fetched.start_time <= fetched.end_time
    assert record.heard == ["Your engineer comes tomorrow."]
    assert record.said == ["Hello?"]
    (outbound,) = r.platform.of("/outbound")
    assert (outbound.fields["CallStatus"], outbound.fields["Direction"]) == ("in-progress", "outbound-api")
    assert outbound.is_signed
    assert [one.fields["CallStatus"] for one in r.platform.of("/status")] == [
        "initiated",
        "ringing",
        "in-progress",
        "completed",
    ]


async def test_a_live_call_is_given_other_words_and_then_hung_up() -> None:
    async with rest() as r:
        call = await r.live_call()
        await r.ask(r.client.calls(call.record.sid).update, twiml=response("<Say>One moment.</Say>", PAUSE))
        await r.until(lambda: call.record.heard == ["One moment."])
        r.platform.documents["/other"] = response("<Say>Other words.</Say>", PAUSE)
        await r.ask(r.client.calls(call.record.sid).update, url=f"{r.platform.public}/other")
        await r.until(lambda: call.record.heard == ["One moment.", "Other words."])
        await r.ask(r.client.calls(call.record.sid).update, status="completed")
        await over(call.record, r.network)
        assert (call.record.status, call.record.ended_by) == ("completed", "rest")
        with pytest.raises(TwilioRestException) as refusal:
            await r.ask(r.client.calls(call.record.sid).update, status="completed")
    assert (refusal.value.status, refusal.value.code) == (400, 21220)


async def test_a_stream_is_torn_down_when_the_call_is_redirected() -> None:
    async def talk(socket: Any) -> None:
        await socket.next("stop")

    async with rest(talk=talk) as r:
        r.platform.documents["/voice"] = r.platform.connect(action="/after")
        call = r.network.call_in(CALLER, Patient())
        await r.until(lambda: call.record.streams)
        await r.ask(r.client.calls(call.record.sid).update, twiml=response("<Say>A colleague takes over.</Say>"))
        record = await over(call.record, r.network)
        assert (record.heard, record.problems) == (["A colleague takes over."], [])
        assert r.platform.of("/after") == []
        assert r.platform.streams[0].messages[-1]["event"] == "stop"


async def test_a_transfer_that_is_redirected_ends_its_leg() -> None:
    async with rest(callees={"+12025550180": Callee(talks_for_s=3000)}) as r:
        r.platform.documents["/leg"] = response()
        r.platform.documents["/voice"] = response("<Dial><Number statusCallback='/leg'>+12025550180</Number></Dial>")
        call = r.network.call_in(CALLER, Patient())
        await r.until(lambda: call.children and call.children[0].status == "in-progress")
        await r.ask(r.client.calls(call.record.sid).update, twiml=response("<Say>Back again.</Say>"))
        record = await over(call.record, r.network)
    assert record.heard[-1] == "Back again."
    assert call.children[0].status == "completed"
    assert [one.fields["CallStatus"] for one in r.platform.of("/leg")] == ["completed"]


async def test_a_ringing_call_is_cancelled_and_a_talking_one_cannot_be() -> None:
    async with rest(speed=1, callees={CALLER: Callee(answers_after_s=50)}) as r:
        created = await r.ask(r.client.calls.create, to=CALLER, from_=LINE, twiml=response(PAUSE))
        await r.ask(r.client.calls(created.sid).update, status="canceled")
        call = r.network.call(created.sid)
        assert call is not None
        assert (await over(call.record, r.network)).status == "canceled"
        live = await r.live_call()
        with pytest.raises(TwilioRestException) as refusal:
            await r.ask(r.client.calls(live.record.sid).update, status="canceled")
        assert refusal.value.code == 21220


async def test_calls_are_listed_by_filter_and_page() -> None:
    async with rest(speed=100, number={"voice_url": "/voice"}) as r:
        r.platform.documents["/voice"] = response()
        before = datetime.now(UTC) - timedelta(minutes=1)
        for number in ("+12025550001", "+12025550002", "+12025550002", "+12025550003", "+12025550003"):
            await over(r.network.call_in(number, Patient()).record, r.network)
        assert len(await r.ask(r.client.calls.list)) == 5
        assert len(await r.ask(r.client.calls.list, page_size=2)) == 5
        assert len(await r.ask(r.client.calls.list, from_="+12025550002")) == 2
        assert len(await r.ask(r.client.calls.list, status="busy")) == 0
        assert len(await r.ask(r.client.calls.list, to=LINE, start_time_after=before)) == 5
        assert len(await r.ask(r.client.calls.list, start_time_before=before)) == 0
        newest = (await r.ask(r.client.calls.list, limit=1))[0]
        assert newest._from == "+12025550003"


async def test_a_dialled_leg_is_a_call_of_its_own() -> None:
    async with rest(callees={"+12025550180": Callee(talks_for_s=1)}) as r:
        r.platform.documents["/voice"] = response("<Dial>+12025550180</Dial>")
        record = await over(r.network.call_in(CALLER, Patient()).record, r.network)
        (child,) = await r.ask(r.client.calls.list, parent_call_sid=record.sid)
    assert (child.to, child.status, child.direction) == ("+12025550180", "completed", "outbound-dial")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"To": ""}, 21201),
        ({"To": "12345"}, 21211),
        ({"From": "+19995550000"}, 21210),
        ({"Url": "not an address"}, 21205),
        ({"Url": None}, 21205),
        ({"Url": None, "Twiml": "x" * 4001}, 21626),
        ({"Url": None, "Twiml": "<Response/>", "FallbackUrl": "https://example.com/"}, 21405),
        ({"StatusCallback": "https://my_host.example/status"}, 21609),
        ({"Timeout": "soon"}, 20001),
    ],
)
async def test_orders_that_are_refused(fields: dict[str, str | None], code: int) -> None:
    order = {"To": CALLER, "From": LINE, "Url": "https://example.com/voice"} | fields
    async with rest() as r, httpx.AsyncClient(verify=False, base_url=r.address, auth=(ACCOUNT, TOKEN)) as http:
        answer = await http.post(
            f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json",
            data={name: value for name, value in order.items() if value is not None},
        )
        assert not list(r.network.calls())
    body = answer.json()
    assert answer.status_code == body["status"] == 400
    assert body["code"] == code
    assert body["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert set(body) == {"code", "message", "more_info", "status"}


async def test_only_the_account_and_its_keys_are_let_in() -> None:
    async with rest(password="wrong") as r:
        with pytest.raises(TwilioRestException) as refusal:
            await r.ask(r.client.calls("CA" + "0" * 32).fetch)
        assert (refusal.value.status, refusal.value.code) == (401, 20003)
    key = "SK" + "0" * 32
    async with rest(user=key, password="key's secret", api_keys={key: "key's secret"}) as r:
        assert await r.ask(r.client.calls.list) == []
        with pytest.raises(TwilioRestException) as missing:
            await r.ask(r.client.calls("CA" + "0" * 32).fetch)
        assert (missing.value.status, missing.value.code) == (404, 20404)
        async with httpx.AsyncClient(verify=False, base_url=r.address) as http:
            for headers in ({}, {"Authorization": "Basic ???"}, {"Authorization": "Bearer x"}):
                answer = await http.get(f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json", headers=headers)
                assert answer.status_code == 401


async def test_requests_can_be_refused_and_answers_lost() -> None:
    async with rest(speed=100, callees={CALLER: Callee(talks_for_s=1)}) as r:
        r.network.faults.set(Faults(rest=RestFaults(refusals=1)))
        with pytest.raises(TwilioRestException) as busy:
            await r.ask(r.client.calls("CA" + "0" * 32).fetch)
        assert (busy.value.status, busy.value.code) == (429, 20429)
        r.network.faults.set(Faults(rest=RestFaults(answers_lost=1)))
        with pytest.raises(TwilioRestException) as lost:
            await r.ask(r.client.calls.create, to=CALLER, from_=LINE, twiml=response())
        assert lost.value.status == 500
        assert len(await r.ask(r.client.calls.list)) == 1  # it was placed all the same


async def test_a_recording_is_fetched_where_it_was_announced() -> None:
    async with rest() as r, httpx.AsyncClient(verify=False, base_url=r.address, auth=(ACCOUNT, TOKEN)) as http:
        call = await r.live_call()
        call.recordings["RE" + "1" * 32] = b"RIFF"
        path = f"/2010-04-01/Accounts/{ACCOUNT}/Recordings/RE{'1' * 32}"
        for address in (path, path + ".wav"):
            assert (await http.get(address)).content == b"RIFF"
        assert (await http.get(path[:-1] + "2")).status_code == 404


# The lab's own routes


async def test_a_call_is_placed_by_request_and_its_events_are_read_along() -> None:
    async with rest(speed=20) as r, httpx.AsyncClient(verify=False, base_url=r.address, timeout=20) as http:
        r.platform.documents["/voice"] = response("<Say>How can I help you?</Say>", "<Pause length='3'/>")
        async with http.stream("POST", "/lab/calls", json={"questions": ["Is anybody there?"]}) as stream:
            sid = stream.headers["x-lab-call-sid"]
            events = [json.loads(line) async for line in stream.aiter_lines()]
        assert (events[0]["event"], events[0]["sid"]) == ("CallPlaced", sid)
        assert "stand-ins" in events[0]["what"]
        assert events[-1]["event"] == "CallEnded"
        assert [e["text"] for e in events if e["event"] == "Said"] == ["Is anybody there?"]
        listed = (await http.get("/lab/calls")).json()
        assert "not Twilio" in listed["what"]
        assert [(one["sid"], one["scenario"], one["status"]) for one in listed["calls"]] == [
            (sid, "question", "completed")
        ]
        one = (await http.get(f"/lab/calls/{sid}")).json()
        assert (one["sid"], one["events"]) == (sid, events)
        assert (await http.get("/lab/calls/CA0")).status_code == 404
        assert (await http.get("/lab")).json()["numbers"] == [LINE]


async def test_a_call_may_run_at_a_speed_of_its_own() -> None:
    async with rest() as r, httpx.AsyncClient(verify=False, base_url=r.address, timeout=20) as http:
        r.platform.documents["/voice"] = response("<Pause length='20'/>")
        began = time.monotonic()
        async with http.stream("POST", "/lab/calls", json={"questions": ["Hello?"], "speed": 50}) as stream:
            events = [json.loads(line) async for line in stream.aiter_lines()]
        assert events[-1]["duration_s"] >= 20
        assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"scenario": "nothing like it"},
        {"scenario": "router", "questions": ["a"]},
        {"inline": {"colour": "blue"}},
        {"scenario": "router", "to": "+19995550000"},
        {"scenario": "router", "faults": {"media": {"explodes": True}}},
        {"scenario": 7},
        {"scenario": "router", "speed": 0},
    ],
)
async def test_orders_for_calls_that_cannot_be_placed(order: dict[str, Any]) -> None:
    async with rest() as r, httpx.AsyncClient(verify=False, base_url=r.address) as http:
        answer = await http.post("/lab/calls", json=order)
        assert answer.status_code == 422
        assert answer.json()["detail"]
        assert not list(r.network.calls())


async def test_faults_are_set_while_the_network_runs() -> None:
    async with rest(speed=20) as r, httpx.AsyncClient(verify=False, base_url=r.address) as http:
        r.platform.documents["/voice"] = response()
        faults = {"calls": 1, "webhooks": {"wrong_signature": True}}
        assert (await http.put("/lab/faults", json=faults)).json()["webhooks"] == {"wrong_signature": True}
        for signed in (False, True):
            r.platform.received.clear()
            await over(r.network.call_in(CALLER, Patient()).record, r.network)
            assert {one.is_signed for one in r.platform.received} == {signed}
        assert (await http.put("/lab/faults", json={"webhooks": {"wrong": 1}})).status_code == 422
        assert (await http.delete("/lab/faults")).json() == {}
        scenarios = (await http.get("/lab/scenarios")).json()["scenarios"]
        assert "router" in {one["name"] for one in scenarios}
