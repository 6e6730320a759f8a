"""A platform of a few lines for the tests of the lab: it answers webhooks from a table and talks over one socket."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from twilio.request_validator import RequestValidator

from lab.speech.decoder import Decoder
from lab.speech.encoder import Speaker, encode
from lab.speech.mulaw import FRAME
from lab.speech.transcript import Transcript
from lab.twilio.network import PhoneNetwork
from lab.twilio.records import CallRecord
from lab.twilio.settings import PhoneNumber, PhoneSettings
from tests.serving import serving

ACCOUNT = "AC" + "0" * 31 + "1"
TOKEN = "the account's token"
LINE = "+12025550199"

Answer = str | Response | Callable[[dict[str, str]], Awaitable[Response] | Response]


@dataclass
class Received:
    """One webhook as it arrived."""

    path: str
    method: str
    fields: dict[str, str]
    headers: dict[str, str]
    is_signed: bool


class Talk(Protocol):
    """What the platform does with a stream."""

    async def __call__(self, socket: StreamSocket) -> None: ...


class StreamSocket:
    """The platform's end of a media stream."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.messages: list[dict[str, Any]] = []
        self.sid = ""
        self.utterances = 0

    async def next(self, *kinds: str) -> dict[str, Any]:
        """The next message of one of these kinds; of any kind when none is named."""
        while True:
            message: dict[str, Any] = json.loads(await self.socket.receive_text())
            self.messages.append(message)
            if message["event"] == "start":
                self.sid = message["streamSid"]
            if not kinds or message["event"] in kinds:
                return message

    async def send(self, message: dict[str, Any]) -> None:
        await self.socket.send_text(json.dumps({"streamSid": self.sid, **message}))

    async def play(self, sound: bytes) -> None:
        await self.send({"event": "media", "media": {"payload": b64encode(sound).decode()}})

    async def mark(self, name: str) -> None:
        await self.send({"event": "mark", "mark": {"name": name}})

    async def say(self, text: str) -> None:
        """Speak, with a mark of the same words behind."""
        self.utterances += 1
        await self.play(encode(text, Speaker.ASSISTANT, self.utterances))
        await self.mark(text)

    def sound(self) -> bytes:
        """What the caller sent so far."""
        return b"".join(b64decode(one["media"]["payload"]) for one in self.messages if one["event"] == "media")

    async def heard(self) -> AsyncIterator[str]:
        """The caller's utterances as they end."""
        decoder, transcript = Decoder(), Transcript()
        while True:
            message = await self.next("media", "stop")
            if message["event"] == "stop":
                return
            sound = b64decode(message["media"]["payload"])
            for utterance in transcript.add(decoder.feed(sound), decoder.heard):
                yield utterance.text


@dataclass
class ToyPlatform:
    """Answers by path; remembers everything."""

    documents: dict[str, Answer] = field(default_factory=dict)
    talk: Talk | None = None
    received: list[Received] = field(default_factory=list)
    streams: list[StreamSocket] = field(default_factory=list)
    handshakes: list[dict[str, str]] = field(default_factory=list)
    address: str = ""
    """Where it is really served."""
    public: str = ""
    """What it calls itself; the same unless a test maps another origin."""
    network: PhoneNetwork | None = None

    def of(self, path: str) -> list[Received]:
        """The webhooks that came to a path."""
        return [one for one in self.received if one.path == path]

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                WebSocketRoute("/media", self._media),
                Route("/{path:path}", self._webhook, methods=["GET", "POST"]),
            ]
        )

    async def _webhook(self, request: Request) -> Response:
        body = (await request.body()).decode()
        form = dict(parse_qsl(body, keep_blank_values=True, strict_parsing=bool(body)))
        query = f"?{request.url.query}" if request.url.query else ""
        address = f"{self.public}{request.url.path}{query}"
        signature = request.headers.get("x-twilio-signature", "")
        self.received.append(
            Received(
                path=request.url.path,
                method=request.method,
                fields=form or dict(request.query_params),
                headers=dict(request.headers),
                is_signed=bool(RequestValidator(TOKEN).validate(address, form, signature)),
            )
        )
        answer = self.documents.get(request.url.path, Response(status_code=404))
        if isinstance(answer, str):
            return xml(answer)
        if isinstance(answer, Response):
            return answer
        result = answer(form)
        return result if isinstance(result, Response) else await result

    async def _media(self, socket: WebSocket) -> None:
        self.handshakes.append(dict(socket.headers))
        await socket.accept()
        stream = StreamSocket(socket)
        self.streams.append(stream)
        try:
            if self.talk is not None:
                await self.talk(stream)
                await socket.close()
            else:
                while True:
                    await stream.next()
        except (WebSocketDisconnect, RuntimeError):
            return

    def connect(self, inside: str = "", **attributes: str) -> str:
        """A document with a stream to ourselves."""
        url = self.public.replace("http", "ws", 1) + "/media"
        extra = "".join(f' {name}="{value}"' for name, value in attributes.items())
        return f'<Response><Connect{extra}><Stream url="{url}">{inside}</Stream></Connect></Response>'


def words_in(sound: bytes) -> list[str]:
    """The utterances in a piece of sound."""
    decoder, transcript = Decoder(), Transcript()
    found = [
        utterance
        for place in range(0, len(sound), FRAME)
        for utterance in transcript.add(decoder.feed(sound[place : place + FRAME]), decoder.heard)
    ]
    return [utterance.text for utterance in found + transcript.close()]


def xml(text: str) -> Response:
    return Response(text, media_type="text/xml")


def response(*verbs: str) -> str:
    return f"<Response>{''.join(verbs)}</Response>"


async def over(record: CallRecord, network: PhoneNetwork, within_s: float = 10) -> CallRecord:
    """Wait until everything about a call is done."""
    call = network.call(record.sid)
    assert call is not None
    async with asyncio.timeout(within_s):
        await call.over.wait()
    return record


@asynccontextmanager
async def toy_platform(
    documents: Mapping[str, Answer] | None = None,
    talk: Talk | None = None,
    *,
    speed: float = 20,
    public: str | None = None,
    number: dict[str, str] | None = None,
    **settings: Any,
) -> AsyncIterator[tuple[ToyPlatform, PhoneNetwork]]:
    """A platform that is served, and a network whose one number belongs to it."""
    platform = ToyPlatform(dict(documents or {}), talk)
    async with serving(platform.app()) as address:
        platform.address, platform.public = address, public or address
        given = {"voice_url": "/voice", "status_callback": "/status", **(number or {})}
        configured = {name: platform.public + value if value[0] == "/" else value for name, value in given.items()}
        platform.documents.setdefault("/status", Response(status_code=204))
        network = PhoneNetwork(
            PhoneSettings(
                account_sid=ACCOUNT,
                auth_token=TOKEN,
                numbers={LINE: PhoneNumber(**configured)},
                speed=speed,
                origins={public: address} if public else {},
                **settings,
            )
        )
        platform.network = network
        try:
            yield platform, network
        finally:
            await network.close()


def kinds(messages: Iterable[dict[str, Any]]) -> list[str]:
    """The events, with runs of audio told once."""
    found: list[str] = []
    for message in messages:
        if not (message["event"] == "media" and found and found[-1] == "media"):
            found.append(message["event"])
    return found
