"""The lab's pages over the running stand-ins: a real call, a real case, hostile HTML, a stand-in that is away."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from lab.kayako.app import make_app as make_kayako
from lab.kayako.desk import Desk, DeskSettings
from lab.kayako.folder import load_folder
from lab.pages.app import make_app
from lab.pages.logs import HttpCallLog, HttpDeskLog
from lab.sample import ARTICLES
from lab.twilio.app import make_app as make_twilio
from lab.twilio.network import PhoneNetwork
from lab.twilio.people import Colleague
from lab.twilio.settings import PhoneNumber, PhoneSettings
from lab.wire.serving import served
from tests.protocol.lab_desk import BASIC
from tests.waiting import wait_for_async

NOTICE = "This is the lab: stand-ins, not the real services."
OURS = "+12025550199"
HOSTILE = (
    "<h3>Summary</h3><p onclick='x()'>The router <b>restarts</b>.</p><script>alert(1)</script>"
    "<img src='https://tracker.example/x.png'><a href='javascript:alert(1)'>click</a>"
    "<a href='https://fernway.example/help'>help</a><style>body{display:none}</style><form><input></form>"
)


async def _webhook(request: Request) -> Response:
    twiml = "<Response><Say>Welcome to &lt;Fernway&gt;.</Say><Hangup/></Response>"
    return Response(twiml if request.url.path == "/voice" else "", media_type="text/xml")


@dataclass
class Lab:
    """Everything the pages read from."""

    desk: Desk
    network: PhoneNetwork
    kayako: str
    pages: httpx.AsyncClient

    async def page(self, path: str, status: int = 200) -> str:
        answer = await self.pages.get(path)
        assert answer.status_code == status, answer.text
        assert NOTICE in answer.text
        assert "<script" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "style=" not in answer.text, "the policy allows no inline style"
        return answer.text

    async def new_case(self, **more: Any) -> int:
        requester = self.desk.add_user("Dana <b>Reyes</b>", 4, "dana@example.test").id
        body = {"subject": "Router <i>restarts</i>", "channel": "NOTE", "requester_id": requester, **more}
        async with httpx.AsyncClient(base_url=f"{self.kayako}/api/v1/", auth=BASIC) as http:
            created = await http.post("cases", json=body)
        assert created.status_code == 201, created.text
        number: int = created.json()["data"]["id"]
        return number


@contextlib.asynccontextmanager
async def lab() -> AsyncIterator[Lab]:
    desk = Desk(DeskSettings(search_lag_s=0))
    platform = Starlette(routes=[Route("/{path:path}", _webhook, methods=["POST"])])
    async with contextlib.AsyncExitStack() as stack:
        webhooks = await stack.enter_async_context(served(platform))
        number = PhoneNumber(voice_url=f"{webhooks}/voice", status_callback=f"{webhooks}/status")
        network = PhoneNetwork(
            PhoneSettings(account_sid="AC" + "0" * 32, auth_token="token", numbers={OURS: number}, speed=50)
        )
        twilio = await stack.enter_async_context(served(make_twilio(network)))
        kayako = await stack.enter_async_context(served(make_kayako(desk, pages_url="http://pages.example")))
        http = await stack.enter_async_context(httpx.AsyncClient())
        pages = make_app(HttpCallLog(http, twilio), HttpDeskLog(http, kayako))
        address = await stack.enter_async_context(served(Starlette(routes=[Mount("/desk", pages), Mount("/", pages)])))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=address))
        yield Lab(desk, network, kayako, client)


async def test_a_call_and_its_case_lead_to_each_other() -> None:
    async with lab() as here:
        assert "No call yet" in await here.page("/")
        call = here.network.call_in("+13125550142", Colleague("Hello?", 1), scenario="router")
        number = await here.new_case(contents="The router restarts.", tags=f"ai-call,call-{call.record.sid.lower()}")

        async def is_over() -> bool:
            return call.over.is_set()

        await wait_for_async(is_over, 20, "the call")
        front = await here.page("/")
        assert f'href="/calls/{call.record.sid}"' in front
        assert f'href="/cases/{number}"' in front
        assert 'http-equiv="refresh"' in front
        told = unescape(await here.page(f"/calls/{call.record.sid}"))
        for part in ("Said and heard", "Welcome to <Fernway>.", "Webhook: voice", "TwiML received", "<Say>", "router"):
            assert part in told
        assert 'http-equiv="refresh"' not in told, "the call is over"
        assert f'href="/cases/{number}"' in told
        shown = await here.page(f"/cases/{number}")
        assert f'href="/calls/{call.record.sid}"' in shown
        assert "Router &lt;i&gt;restarts&lt;/i&gt;" in shown
        assert "Dana &lt;b&gt;Reyes&lt;/b&gt;" in shown
        assert "dana@example.test" in shown
        assert call.record.sid in await here.page("/calls")


async def test_foreign_html_is_shown_without_its_teeth() -> None:
    async with lab() as here:
        number = await here.new_case(contents=HOSTILE, channel_options={"html": True})
        original = here.desk.cases[number].posts[0].original
        original.html = HOSTILE  # as if a tenant did not sanitise
        shown = await here.page(f"/cases/{number}")
        body = re.search(r'<div class="html">(.*?)</div>', shown, re.DOTALL)
        assert body is not None
        assert "<b>restarts</b>" in body[1]
        assert 'href="https://fernway.example/help"' in body[1]
        for tooth in ("script", "onclick", "<img", "javascript:", "<style", "<form", "<input", "tracker"):
            assert tooth not in body[1]


async def test_the_help_centre_and_the_addresses_kayako_gives() -> None:
    async with lab() as here:
        load_folder(here.desk.help_centre, ARTICLES)
        listed = await here.page("/articles")
        assert "Restart your router" in listed
        assert "agents only" in listed
        assert "draft" in listed
        article = await here.page("/articles/1101")
        assert "Reinicie su router" in article
        link = re.search(r'href="(1102-[^"]*)"', article)
        assert link is not None
        assert "What an orange light means" in await here.page(f"/articles/{link[1]}")
        async with httpx.AsyncClient() as http:
            found = (await http.get(f"{here.kayako}/api/v1/articles/1101")).json()["data"]["helpcenter_url"]
            assert (await http.get(found)).headers["location"] == "http://pages.example/articles/1101"
            case = await http.get(f"{here.kayako}/agent/conversations/1841")
            assert case.headers["location"] == "http://pages.example/cases/1841"
            assert "not the real service" in (await http.get(here.kayako)).text


async def test_mounted_below_a_path_links_stay_below_it() -> None:
    async with lab() as here:
        number = await here.new_case(contents="x")
        front = await here.page("/desk/")
        assert f'href="/desk/cases/{number}"' in front
        assert 'href="/desk/lab.css"' in front
        assert (await here.pages.get("/desk/lab.css")).headers["content-type"].startswith("text/css")


async def test_what_is_missing_and_who_is_away() -> None:
    async with lab() as here:
        for path in ("/calls/CA0", "/cases/1", "/articles/1", "/articles/x", "/nowhere"):
            assert "There is no such" in await here.page(path, 404)
    async with httpx.AsyncClient() as http:
        away = make_app(HttpCallLog(http, "http://127.0.0.1:9"), HttpDeskLog(http, "http://127.0.0.1:9"))
        async with served(away) as address:
            answer = await http.get(f"{address}/")
            assert answer.status_code == 503
            assert "the telephone network&#39;s stand-in does not answer" in answer.text


async def test_a_stand_in_that_answers_something_else() -> None:
    other = Starlette(routes=[Route("/{path:path}", _webhook, methods=["GET"])])
    async with served(other) as odd, httpx.AsyncClient() as http:
        pages = make_app(HttpCallLog(http, odd), HttpDeskLog(http, odd))
        async with served(pages) as address:
            for path in ("/calls", "/calls/CA0", "/cases", "/cases/1", "/articles", "/articles/1"):
                answer = await http.get(f"{address}{path}")
                assert answer.status_code == 503
                assert "in a form this page does not know" in answer.text
