"""A whole gateway in the test's own event loop, on real stores, and ways to use it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from xml.etree.ElementTree import Element, fromstring

import httpx
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select
from twilio.request_validator import RequestValidator

from services.gateway.app import make_app
from services.gateway.keys import create
from services.gateway.settings import GatewaySettings
from services.gateway.wiring import Wiring
from shared.clock import SystemClock
from shared.database.models import Agent, AgentNumber, Call, Conversation
from shared.security.api_keys import Scope
from tests.serving import serving

ACCOUNT = "AC" + "0" * 32
AUTH_TOKEN = "test_auth_token"
PUBLIC = "https://support.example.com"
PEPPER = "a pepper of the tests"
SIGNING_KEY = base64.b64encode(b"signing key of 32 bytes, a test!").decode()
OUR_NUMBER = "+18005550101"
CALLER = "+18005550100"
PERSON = "+18005550199"


def settings_for(database_url: str, redis_url: str, **others: Any) -> GatewaySettings:
    """Settings of a gateway; `others` replace any of them."""
    values: dict[str, Any] = {
        "database_url": SecretStr(database_url),
        "redis_url": SecretStr(redis_url),
        "public_url": PUBLIC,
        "signing_key": SecretStr(SIGNING_KEY),
        "api_key_pepper": SecretStr(PEPPER),
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": SecretStr(AUTH_TOKEN),
        "twilio_api_url": "http://127.0.0.1:9",
        "knowledge_url": "http://127.0.0.1:9",
        "ticketing_url": "http://127.0.0.1:9",
        "outbound_consent": "not_required",
        "outbound_hours": "any",  # the tests run at night, too
        **others,
    }
    return GatewaySettings(**values)


class SetClock(SystemClock):
    """The machine's clock, moved by the test: the time of day by `ahead`, waiting times by `passed` seconds."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self.passed = 0.0

    def now(self) -> datetime:
        return super().now() + self.ahead

    def monotonic(self) -> float:
        return super().monotonic() + self.passed


@dataclass
class House:
    """A running gateway and ways to use it as Twilio and as an API client."""

    app: FastAPI
    http: httpx.AsyncClient
    clock: SetClock
    wiring: Wiring

    async def key(self, *scopes: Scope, expires_at: datetime | None = None) -> str:
        """A new key with these scopes, all when none is named."""
        later = datetime.now(UTC) + timedelta(days=7)  # tests put their clock on by a day or two
        async with self.wiring.sessions.begin() as session:
            return await session.run_sync(
                create, PEPPER, "a test", list(scopes or Scope), expires_at if expires_at is not None else later
            )

    async def client(self, *scopes: Scope) -> httpx.AsyncClient:
        """An API client with a key of its own."""
        key = await self.key(*scopes)
        headers = {"authorization": f"Bearer {key}"}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://gateway.internal", headers=headers
        )

    async def agent(self, *numbers: str, **fields: Any) -> UUID:
        """An agent that answers these numbers."""
        values = {"name": f"agent {secrets.token_hex(4)}", "company": "Fernway", "greeting": "Hello.", **fields}
        agent = Agent(**values, numbers=[AgentNumber(number=number) for number in numbers])
        async with self.wiring.sessions.begin() as session:
            session.add(agent)
        return agent.id

    async def hook(self, path: str, fields: Mapping[str, str], base: str = PUBLIC) -> httpx.Response:
        """A webhook as Twilio sends it."""
        return await self.http.post(path, content=urlencode(fields), headers=form_headers(base + path, fields))

    async def call(self, call_sid: str) -> Call | None:
        """The call's row as it stands."""
        async with self.wiring.sessions() as session:
            return await session.scalar(select(Call).where(Call.call_sid == call_sid))

    async def conversation(self, call_sid: str) -> Conversation:
        """The call's conversation as it stands."""
        async with self.wiring.sessions() as session:
            return (await session.scalars(select(Conversation).join(Call).where(Call.call_sid == call_sid))).one()

    async def set_call(self, call_sid: str, **values: Any) -> None:
        """Change a call as a voice process would; `outcome` belongs to its conversation."""
        async with self.wiring.sessions.begin() as session:
            found = await session.execute(
                select(Call, Conversation).join(Conversation).where(Call.call_sid == call_sid)
            )
            call, conversation = found.one()
            if "outcome" in values:
                conversation.outcome = values.pop("outcome")
            for name, value in values.items():
                setattr(call, name, value)


def form_headers(address: str, fields: Mapping[str, str], auth_token: str = AUTH_TOKEN) -> dict[str, str]:
    """Headers of a form post to `address` that Twilio's own SDK has signed."""
    signature = RequestValidator(auth_token).compute_signature(address, dict(fields))
    return {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}


def new_call_sid() -> str:
    return "CA" + secrets.token_hex(16)


def call_form(call_sid: str, **more: str) -> dict[str, str]:
    """The form of a call's webhook, with fields that are blank as Twilio leaves them."""
    return {
        "AccountSid": ACCOUNT,
        "ApiVersion": "2010-04-01",
        "CallSid": call_sid,
        "CallStatus": "ringing",
        "Called": OUR_NUMBER,
        "CalledCity": "",
        "Caller": CALLER,
        "CallerState": "",
        "Direction": "inbound",
        "From": CALLER,
        "To": OUR_NUMBER,
        **more,
    }


def document(response: httpx.Response) -> Element:
    """The TwiML of an answer, parsed."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/xml")
    root = fromstring(response.content)
    assert root.tag == "Response"
    return root


def verbs(response: httpx.Response) -> list[str]:
    return [verb.tag for verb in document(response)]


def spoken(response: httpx.Response) -> str:
    return " ".join(say.text or "" for say in document(response).iter("Say"))


@asynccontextmanager
async def gateway(settings: GatewaySettings) -> AsyncIterator[House]:
    """A gateway for these settings, started and stopped."""
    clock = SetClock()
    app = make_app(settings, clock)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        # The Host header of this client is not the public address, as behind any proxy.
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway.internal")
        await stack.enter_async_context(http)
        yield House(app, http, clock, app.state.wiring)


@asynccontextmanager
async def served_gateway(settings: GatewaySettings) -> AsyncIterator[tuple[House, str]]:
    """The same behind a real socket, and its address inside."""
    clock = SetClock()
    app = make_app(settings, clock)
    async with serving(app) as address, httpx.AsyncClient(base_url=address, trust_env=False) as http:
        yield House(app, http, clock, app.state.wiring), address
