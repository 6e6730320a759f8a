"""A gateway between the lab's telephone network and its REST interface, and a voice tier of a few lines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from lab.twilio.app import make_app as make_twilio
from lab.twilio.call import Call
from lab.twilio.faults import Faults
from lab.twilio.network import PhoneNetwork
from lab.twilio.people import QUIET, Act
from lab.twilio.records import CallRecord, Problem, VerbStarted
from lab.twilio.settings import Callee, PhoneNumber, PhoneSettings
from shared.contracts.calls import MediaState, NextStep
from shared.contracts.conversations import Outcome
from shared.security.purpose_tokens import Purpose, TokenSigner
from tests.gateway_house import (
    ACCOUNT,
    AUTH_TOKEN,
    CALLER,
    OUR_NUMBER,
    PERSON,
    PUBLIC,
    SIGNING_KEY,
    House,
    served_gateway,
    settings_for,
)
from tests.serving import serving

VOICE = "https://voice.example.com"


class Listener:
    """A caller who listens until the line goes down, or for some seconds."""

    def __init__(self, patience_s: float = 1e6) -> None:
        self._ticks_left = patience_s * 50

    def tick(self, heard: bytes) -> Act:
        del heard
        self._ticks_left -= 1
        return Act(hangs_up=True) if self._ticks_left <= 0 else QUIET


Talk = Callable[[WebSocket, str], Awaitable[None]]


@dataclass
class Line:
    """A gateway, a telephone network in front of it, and what its voice tier does with a stream."""

    house: House
    network: PhoneNetwork
    generations: list[str] = field(default_factory=list)
    """Token ids of the streams that came."""
    talks: list[Talk] = field(default_factory=list)
    """What to do with each stream, in order; the last one again for all later ones."""

    async def media(self, socket: WebSocket) -> None:
        await socket.accept()
        while (start := json.loads(await socket.receive_text()))["event"] != "start":
            pass
        token = start["start"]["customParameters"]["token"]
        claims = TokenSigner(SIGNING_KEY).read(Purpose.STREAM, token)
        assert claims["sub"] == start["start"]["callSid"]
        self.generations.append(claims["jti"].rpartition(":")[2])
        talk = self.talks.pop(0) if len(self.talks) > 1 else self.talks[0]
        await talk(socket, claims["sub"])

    async def call(
        self, patience_s: float = 1e6, from_number: str = CALLER, faults: Faults | None = None
    ) -> CallRecord:
        """A call, when it is over and everything about it was reported."""
        call: Call = self.network.call_in(from_number, Listener(patience_s), faults=faults)
        async with asyncio.timeout(15):
            await call.over.wait()
        assert not [event for event in call.record.events if isinstance(event, Problem) and event.code == 12200]
        return call.record

    def finishes(self, next_step: NextStep, outcome: Outcome) -> Talk:
        """Speak to the end, as the record says; then let go of the line."""

        async def talk(socket: WebSocket, call_sid: str) -> None:
            await self.house.set_call(call_sid, media_state=MediaState.FINISHED, next_step=next_step, outcome=outcome)
            await socket.close()

        return talk

    def dies(self) -> Talk:
        """Take the call and vanish."""

        async def talk(socket: WebSocket, call_sid: str) -> None:
            await self.house.set_call(call_sid, media_state=MediaState.CONNECTED)
            await socket.close(1011)

        return talk

    async def stays(self, socket: WebSocket, call_sid: str) -> None:
        """Talk until the caller hangs up."""
        await self.house.set_call(call_sid, media_state=MediaState.CONNECTED)
        with_caller = True
        while with_caller:
            try:
                with_caller = json.loads(await socket.receive_text())["event"] != "stop"
            except WebSocketDisconnect:
                with_caller = False
        await self.house.set_call(call_sid, media_state=MediaState.LOST)

    async def outcome(self, record: CallRecord) -> str | None:
        return (await self.house.conversation(record.sid)).outcome


@asynccontextmanager
async def telephone(
    database_url: str,
    redis_url: str,
    *,
    voice_path: str = "/twilio/voice",
    callees: Mapping[str, Callee] | None = None,
    speed: float = 10,
    **others: Any,
) -> AsyncIterator[Line]:
    """Everything of it; `speed` is that of calls, `others` are settings of the gateway."""
    lines: list[Line] = []

    async def media(socket: WebSocket) -> None:
        await lines[0].media(socket)

    async def rest(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":  # the network is closed by us
            await twilio[0](scope, receive, send)

    twilio: list[Starlette] = []
    voice = Starlette(routes=[WebSocketRoute("/twilio/media", media)])
    async with serving(voice) as voice_inside, serving(rest) as api_url:
        settings = settings_for(
            database_url, redis_url, **{"voice_public_url": VOICE, "twilio_api_url": api_url} | others
        )
        async with served_gateway(settings) as (house, inside):
            number = PhoneNumber(
                voice_url=PUBLIC + voice_path,
                fallback_url=f"{PUBLIC}/twilio/voice/fallback",
                status_callback=f"{PUBLIC}/twilio/status",
            )
            phone = PhoneSettings(
                account_sid=ACCOUNT,
                auth_token=AUTH_TOKEN,
                numbers={OUR_NUMBER: number},
                callees=callees or {PERSON: Callee(answers_after_s=1, talks_for_s=1, says="A colleague here.")},
                api_url=api_url,
                speed=speed,
                origins={PUBLIC: inside, VOICE: voice_inside},
            )
            network = PhoneNetwork(phone)
            twilio.append(make_twilio(network))
            lines.append(Line(house, network))
            try:
                yield lines[0]
            finally:
                await network.close()


def verbs(record: CallRecord) -> list[str]:
    return [event.verb for event in record.events if isinstance(event, VerbStarted)]
