"""A whole voice room in the test's own event loop, on real stores and the lab's Deepgram, and telephones to call it."""

from __future__ import annotations

import asyncio
import base64
import random
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import connect

from lab.deepgram.app import make_app as make_deepgram
from lab.deepgram.faults import Faults, ListenFaults, SpeakFaults
from lab.deepgram.settings import Settings as DeepgramPace
from lab.deepgram.state import Deepgram
from lab.speech.decoder import Decoder
from lab.speech.encoder import Speaker
from lab.speech.mulaw import FRAME, RATE
from lab.twilio.call import Call as PlacedCall
from lab.twilio.faults import Faults as TelephoneFaults
from lab.twilio.faults import MediaFaults, RelayFaults
from lab.twilio.network import PhoneNetwork
from lab.twilio.people import Act, Person, Voice
from lab.twilio.settings import PhoneNumber, PhoneSettings
from services.gateway.webhooks import twiml
from services.gateway.webhooks.relay_noun import Relay
from services.gateway.webhooks.twiml import Addresses
from services.voice.__main__ import SOCKETS
from services.voice.app import make_app
from services.voice.conversations import Conversations
from services.voice.settings import VoiceRoomSettings
from services.voice.wiring import Wiring
from shared.clock import SystemClock
from shared.contracts.agents import TOOLS, AgentProfile
from shared.contracts.calls import MediaState
from shared.contracts.conversations import EmailPolicy, TicketPolicy
from shared.contracts.knowledge import Lookup, Passage
from shared.contracts.relay import RelayOptions
from shared.conversation import opening
from shared.conversation.agent import rules_of
from shared.database.engine import AsyncSessions, async_sessions, make_async_engine
from shared.database.models import Agent, ApiKey, Call, Conversation, OutboundCall, Turn
from shared.resilience.board import Board
from shared.security.purpose_tokens import Purpose, TokenSigner
from shared.settings import DatabaseSettings
from shared.web.health import Health
from tests.serving import serving
from tests.waiting import wait_for_async

ACCOUNT = "AC" + "0" * 32
AUTH_TOKEN = "test_auth_token"
SIGNING_KEY = base64.b64encode(b"signing key of 32 bytes, a test!").decode()
GREETING = "Hello, this is Fernway."
RESTART = "Unplug the router, wait ten seconds, and plug it in again. It is ready after two minutes."
PUBLIC = "https://support.example.com"
VOICE = "https://voice.example.com"
MEDIA = "wss://voice.example.com/twilio/media"
OUR_NUMBER = "+18005550101"


@dataclass
class KnowledgeRoom:
    """Answers searches from one passage, or as a fault says."""

    found: bool = True
    hangs: bool = False
    status: int = 200
    asked: list[str] = field(default_factory=list)
    version: int = 1
    """Of its text."""

    def app(self) -> Starlette:
        async def search(request: Request) -> Response:
            self.asked.append((await request.json())["query"])
            if self.hangs:
                await asyncio.sleep(30)
            if self.status != 200:
                return JSONResponse({"detail": "a fault of the test"}, self.status)
            answer = Lookup(found=self.found, passages=[a_passage()] if self.found else [], version=self.version)
            return Response(answer.model_dump_json(), media_type="application/json")

        async def ready(_: Request) -> Response:
            return JSONResponse({"ready": True})

        return Starlette(routes=[Route("/lookup", search, methods=["POST"]), Route("/health/ready", ready)])


def a_passage() -> Passage:
    return Passage(
        article_id=UUID(int=1),
        chunk_id="c1",
        title="Restart your router",
        heading="Restart your router",
        text=RESTART,
        url="https://help.fernway.example/restart",
        score=0.9,
    )


class Driven:
    """A caller whose words come from the test. A Person of the lab's telephone."""

    def __init__(self) -> None:
        self.ears = Decoder()
        self.heard = ""
        """Every character that came out of the receiver."""
        self._voice = Voice(Speaker.CALLER)
        self._noise = b""
        self._leaves = False
        self.key: str | None = None
        self._utterance = -1

    def tick(self, heard: bytes) -> Act:
        for letter in self.ears.feed(heard):
            if letter.utterance != self._utterance and self.heard:
                self.heard += " "
            self._utterance = letter.utterance
            self.heard += letter.character
        sound, self._noise = (self._noise[:FRAME], self._noise[FRAME:]) if self._noise else (self._voice.frame(), b"")
        key, self.key = self.key, None
        return Act(sound.ljust(FRAME, b"\xff"), key=key, hangs_up=self._leaves)

    def say(self, text: str) -> None:
        self._voice.say(text)

    def press(self, key: str) -> None:
        self.key = key

    def make_noise(self, seconds: float) -> None:
        """A cough, or a door: loud, and no word in it."""
        loud = random.Random(1).randbytes(int(seconds * RATE))
        self._noise += bytes(value & 0x8F for value in loud)

    def hang_up(self) -> None:
        self._leaves = True

    async def until(self, look: Callable[[], object], within_s: float = 15.0) -> None:
        """Wait until this is true."""
        await wait_for_async(lambda: _truth(look()), within_s, "something of the caller's")

    @property
    def speaks(self) -> bool:
        return self._voice.speaks

    @property
    def quiet_s(self) -> float:
        return self.ears.quiet / RATE

    async def hears(self, words: str, within_s: float = 12.0) -> None:
        """Wait until these words have come out of the receiver."""
        try:
            await wait_for_async(lambda: _truth(words in self.heard), within_s, f"to hear {words!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}; heard {self.heard!r}") from None

    async def quiet(self, pause_s: float = 0.4, within_s: float = 20.0) -> None:
        """Wait until the other side has been silent for a moment."""
        await wait_for_async(lambda: _truth(self.quiet_s >= pause_s), within_s, "the other side to finish")

    async def asked(self, words: str, answer: str) -> None:
        """Wait until these words were heard and the other side has finished, then answer."""
        await self.hears(words)
        await self.quiet()
        self.say(answer)


async def _truth(value: object) -> bool:
    return bool(value)


class Exchange:
    """What the gateway would answer: one webhook that opens the rows of a call, one after its stream."""

    def __init__(self, sessions: AsyncSessions, agent_id: UUID) -> None:
        self._sessions = sessions
        self._agent_id = agent_id
        self._signer = TokenSigner(SIGNING_KEY)
        self.rows: dict[str, dict[str, Any]] = {}
        """By the caller's number: columns that differ from those of a call that has just been answered."""
        self.after: list[str] = []
        """CallSids whose stream ended while the call went on."""
        self.relays: dict[str, Relay] = {}
        """By the caller's number: what relay sessions are told; other calls are media streams."""
        self.ended: dict[str, dict[str, str]] = {}
        """By CallSid, what was said of the end of the last stream or session."""

    def issue(self, call_sid: str, generation: int = 1, now: datetime | None = None) -> str:
        """A stream token as the gateway issues it."""
        return self._signer.issue(Purpose.STREAM, call_sid, f"{call_sid}:{generation}", now or datetime.now(UTC))

    async def open(self, call_sid: str, **columns: Any) -> None:
        """The rows of a call whose TwiML is about to be handed out."""
        now = datetime.now(UTC)
        message = columns.pop("initial_message", None)
        async with self._sessions.begin() as session:
            if message is not None:
                await self._order(session, call_sid, message)
            conversation = Conversation(
                agent_id=columns.pop("agent_id", self._agent_id),
                channel="phone",
                language="en",
                trace_id=secrets.token_hex(16),
                started_at=now,
                checkpoint=columns.pop("checkpoint", {}),
            )
            session.add(conversation)
            await session.flush()
            values = {
                "direction": "inbound",
                "from_number": "+12025550123",
                "to_number": OUR_NUMBER,
                "status": "in-progress",
                "stream_issued_at": now,
                "answered_at": now,
                **columns,
            }
            session.add(Call(call_sid=call_sid, conversation_id=conversation.id, **values))

    async def _order(self, session: AsyncSession, call_sid: str, message: str) -> None:
        """What this call was placed for."""
        key = ApiKey(name="a test", last_four="test", key_hash=secrets.token_bytes(32), scopes=[])
        session.add(key)
        await session.flush()
        order = OutboundCall(
            idempotency_key=call_sid,
            api_key_id=key.id,
            agent_id=self._agent_id,
            to_number="+12025550123",
            from_number=OUR_NUMBER,
            message=message,
            call_sid=call_sid,
            requested_at=datetime.now(UTC),
        )
        session.add(order)

    def app(self) -> Starlette:
        async def voice(request: Request) -> Response:
            form = await request.form()
            call_sid, rows = str(form["CallSid"]), self.rows.get(str(form["From"]), {})
            await self.open(call_sid, from_number=str(form["From"]), **rows)
            token = self.issue(call_sid, rows.get("stream_generation", 1))
            relay = self.relays.get(str(form["From"]))
            document = twiml.connect(Addresses(PUBLIC, VOICE.replace("https", "wss")), 1, token, relay=relay)
            return Response(document, media_type="text/xml")

        async def after(request: Request) -> Response:
            form = await request.form()
            self.ended[str(form["CallSid"])] = {name: str(value) for name, value in form.items()}
            if form["CallStatus"] == "in-progress":
                self.after.append(str(form["CallSid"]))
            return Response("<Response><Hangup/></Response>", media_type="text/xml")

        after_stream = Route("/twilio/voice/after", after, methods=["POST"])
        return Starlette(routes=[Route("/voice", voice, methods=["POST"]), after_stream])


@dataclass
class VoiceHouse:
    """The room, its surroundings, and ways to call it."""

    app: FastAPI
    address: str
    settings: VoiceRoomSettings
    wiring: Wiring
    health: Health
    deepgram: Deepgram
    knowledge: KnowledgeRoom
    sessions: AsyncSessions
    exchange: Exchange
    network: PhoneNetwork
    relay: RelayOptions | None = None
    """What the relay sessions of this house's calls are told; None makes them media streams."""
    codes: tuple[str, ...] = ("en",)
    """What its own agent speaks."""

    def ring(self, person: Person, rows: Mapping[str, Any] | None = None, **faults: Any) -> PlacedCall:
        """Somebody calls; `rows` are columns of the call's rows, `faults` those of the stream or relay session."""
        number = f"+1202555{len(self.exchange.rows):04}"
        self.exchange.rows[number] = dict(rows or {})
        if self.relay is None:
            return self.network.call_in(number, person, faults=TelephoneFaults(media=MediaFaults(**faults)))
        welcome = " ".join(self.greeting) if self.relay.welcome == "twilio" else None
        self.exchange.relays[number] = Relay(self.relay, "en-US", welcome, self.relay.hears_all(self.codes))
        return self.network.call_in(number, person, faults=TelephoneFaults(relay=RelayFaults(**faults)))

    @property
    def hung_up(self) -> MediaState:
        """How a call is left whose caller hung up: a relay session does not say that it was the caller."""
        return MediaState.FINISHED if self.relay is None else MediaState.LOST

    @property
    def greeting(self) -> list[str]:
        """The sentences of the house's own agent's greeting."""
        profile = AgentProfile(
            id=uuid4(), name="", company="Fernway", language="en", voice="", greeting=GREETING, instructions="",
            tone="", knowledge_collection="", tools=TOOLS, ticket_policy=TicketPolicy.EVERY_CONVERSATION,
            email_policy=EmailPolicy.ALWAYS, transfer_number=None,
        )  # fmt: skip
        return [text for text, _ in opening.greeting(rules_of(profile, has_model=False))]

    def send_calls_to(self, address: str) -> None:
        """From now on calls reach the voice process at this address instead of the house's own."""
        self.address = address
        self.network.settings = replace(
            self.network.settings, origins={**self.network.settings.origins, VOICE: address}
        )

    def socket(self, key: str = AUTH_TOKEN, address: str = MEDIA, path: str = "/twilio/media") -> connect:
        """A bare socket to the room, its handshake signed with this key for this address."""
        signature = RequestValidator(key).compute_signature(address, {})
        return connect(
            f"{self.address.replace('http', 'ws')}{path}",
            additional_headers={"X-Twilio-Signature": signature},
            compression=None,
            proxy=None,
        )

    async def call(self, call_sid: str) -> Call:
        """The call's row as it stands."""
        async with self.sessions() as session:
            return (await session.scalars(select(Call).where(Call.call_sid == call_sid))).one()

    async def conversation(self, call_sid: str) -> Conversation:
        """The conversation's row as it stands."""
        async with self.sessions() as session:
            return (await session.scalars(select(Conversation).join(Call).where(Call.call_sid == call_sid))).one()

    async def turns(self, call_sid: str) -> list[Turn]:
        """What is recorded of the call."""
        async with self.sessions() as session:
            query = select(Turn).join(Conversation).join(Call).where(Call.call_sid == call_sid).order_by(Turn.number)
            return list((await session.scalars(query)).all())

    async def set_status(self, call_sid: str, status: str) -> None:
        """What Twilio's status report does to the row."""
        async with self.sessions.begin() as session:
            await session.execute(update(Call).where(Call.call_sid == call_sid).values(status=status))

    async def left(self, call_sid: str, state: MediaState, within_s: float = 5.0) -> Call:
        """Wait until the voice room has left the call in this state."""

        async def look() -> Call | None:
            call = await self.call(call_sid)
            return call if call.media_state == state else None

        return await wait_for_async(look, within_s, f"the call to be {state.value}")

    def listen_faults(self, **faults: Any) -> None:
        """What is wrong with the next sockets that hear."""
        self.deepgram.faults.set(Faults(listen=ListenFaults(**faults)))

    def speak_faults(self, **faults: Any) -> None:
        """What is wrong with the next sockets that speak."""
        self.deepgram.faults.set(Faults(speak=SpeakFaults(**faults)))


def settings_for(database_url: str, redis_url: str, **others: Any) -> VoiceRoomSettings:
    """Settings of a voice room; `others` replace any of them."""
    values: dict[str, Any] = {
        "database_url": SecretStr(database_url),
        "redis_url": SecretStr(redis_url),
        "public_url": PUBLIC,
        "voice_public_url": VOICE,
        "signing_key": SecretStr(SIGNING_KEY),
        "api_key_pepper": SecretStr("a pepper of the tests"),
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": SecretStr(AUTH_TOKEN),
        "deepgram_api_key": SecretStr("lab"),
        "knowledge_url": "http://127.0.0.1:9",
        "ticketing_url": "http://127.0.0.1:9",
        **others,
    }
    return VoiceRoomSettings(**values)


async def an_agent(sessions: AsyncSessions, **fields: Any) -> UUID:
    """An agent of the sample company."""
    values = {"name": f"agent {secrets.token_hex(4)}", "company": "Fernway", "greeting": GREETING, **fields}
    agent = Agent(**values)
    async with sessions.begin() as session:
        session.add(agent)
    return agent.id


async def all_at_once(**scenarios: Coroutine[Any, Any, None]) -> None:
    """Carry several calls at the same time, and say which of them went wrong."""
    endings = await asyncio.gather(*scenarios.values(), return_exceptions=True)
    failures = []
    for name, ending in zip(scenarios, endings, strict=True):
        if isinstance(ending, BaseException):
            ending.add_note(f"in the call: {name}")
            failures.append(ending)
    if failures:
        raise BaseExceptionGroup("calls that went wrong", failures)


@asynccontextmanager
async def voice_house(
    database_url: str,
    redis_url: str,
    *,
    agent: Mapping[str, Any] | None = None,
    pace: DeepgramPace | None = None,
    conversations: type[Conversations] = Conversations,
    through: str | None = None,
    relay: RelayOptions | None = None,
    **settings: Any,
) -> AsyncIterator[VoiceHouse]:
    """A voice room, served, whose phrases are ready before anybody calls.

    `through` is the address by which the room itself reaches the database, when that is another than the test's.
    """
    deepgram = Deepgram(DeepgramPace(first_byte_s=0.0, generation_speed=10_000.0))  # while the phrases are made ready
    knowledge = KnowledgeRoom()
    engine = make_async_engine(DatabaseSettings(database_url=SecretStr(database_url)), "test")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        sessions = async_sessions(engine)
        agent_id = await an_agent(sessions, **(agent or {}))
        deepgram_url = await stack.enter_async_context(serving(make_deepgram(deepgram)))
        knowledge_url = await stack.enter_async_context(serving(knowledge.app()))
        chosen = settings_for(
            through or database_url,
            redis_url,
            **{"deepgram_url": deepgram_url, "knowledge_url": knowledge_url, **settings},
        )
        clock = SystemClock()
        board = Board("voice", clock, None)  # houses of one test have providers, and outages, of their own
        wiring = Wiring(chosen, conversations(chosen, clock, board), clock, board)
        health = Health(wiring.checks(), board.report)
        app = make_app(chosen, wiring, health)
        address = await stack.enter_async_context(serving(app, **SOCKETS))
        voice = (agent or {}).get("voice", "aura-2-thalia-en")
        await wait_for_async(lambda: _truth(wiring._cache.get(voice, GREETING)), 10, "the greeting to be warm")
        await wiring._warm_up.wait()
        deepgram.settings = pace or DeepgramPace()
        exchange = Exchange(sessions, agent_id)
        exchange_address = await stack.enter_async_context(serving(exchange.app()))
        number = PhoneNumber(voice_url=f"{PUBLIC}/voice")
        origins = {PUBLIC: exchange_address, VOICE: address}
        network = PhoneNetwork(
            PhoneSettings(account_sid=ACCOUNT, auth_token=AUTH_TOKEN, numbers={OUR_NUMBER: number}, origins=origins)
        )
        stack.push_async_callback(network.close)
        codes = ("en", *(language["code"] for language in (agent or {}).get("languages", ())))
        yield VoiceHouse(
            app, address, chosen, wiring, health, deepgram, knowledge, sessions, exchange, network, relay, codes
        )
