"""A served Kayako stand-in and an independent HTTP client, for the tests of one."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from lab.kayako.app import make_app
from lab.kayako.desk import EMAIL, PASSWORD, Desk, DeskSettings
from lab.kayako.faults import KayakoFault, KayakoFaultSetting
from lab.wire.serving import served
from shared.clock import Clock

BASIC = httpx.BasicAuth(EMAIL, PASSWORD)


@dataclass
class Watch:
    """A clock that stands still until it is told to go on."""

    elapsed: float = 0.0
    began: datetime = field(default=datetime(2026, 11, 20, 8, 30, tzinfo=UTC))

    def now(self) -> datetime:
        return self.began + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed


@dataclass
class Lab:
    """The desk and the way to it. `http` signs in with every request and asks for no session."""

    desk: Desk
    http: httpx.AsyncClient
    address: str

    def fail(self, kind: KayakoFault, where: str = "*", **more: Any) -> KayakoFaultSetting:
        fault = KayakoFaultSetting(kind=kind, where=where, **more)
        self.desk.faults.add(fault)
        return fault

    async def get(self, path: str, **arguments: str | int) -> httpx.Response:
        return await self.http.get(path, params=arguments)

    async def rows(self, path: str, **arguments: str | int) -> list[dict[str, Any]]:
        response = await self.get(path, **arguments)
        assert response.status_code == 200, response.text
        rows: list[dict[str, Any]] = response.json()["data"]
        return rows

    async def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return await self.http.post(path, json=body)

    async def put(self, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        return await self.http.put(path, json=body, headers=headers)

    async def new_case(self, **more: Any) -> dict[str, Any]:
        """A case of a fresh customer, from the smallest body that is accepted."""
        requester = more.pop("requester_id", None) or self.desk.add_user("Dana Reyes", 4).id
        body = {"subject": "Router", "contents": "It restarts.", "channel": "NOTE", "requester_id": requester, **more}
        response = await self.post("cases.json", body)
        assert response.status_code == 201, response.text
        case: dict[str, Any] = response.json()["data"]
        return case


@contextlib.asynccontextmanager
async def kayako(settings: DeskSettings | None = None, clock: Clock | None = None) -> AsyncIterator[Lab]:
    """A fresh tenant for as long as the block runs."""
    desk = Desk(settings or DeskSettings(search_lag_s=0), clock)
    async with (
        served(make_app(desk)) as address,
        httpx.AsyncClient(
            base_url=f"{address}/api/v1/", auth=BASIC, headers={"X-CSRF": "false"}, timeout=5, cookies=_forgetful()
        ) as http,
    ):
        yield Lab(desk, http, address)


def _forgetful() -> CookieJar:
    """A jar that keeps nothing: the documented trap is a client that sends a session nobody asked for."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


def code(response: httpx.Response) -> str:
    """The code of an error envelope."""
    found: str = response.json()["errors"][0]["code"]
    return found


def names(tags: Iterable[dict[str, Any]]) -> list[str]:
    """The names in a list of tags."""
    return [tag["name"] for tag in tags]
