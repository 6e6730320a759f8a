"""What the gateway is made of: built once from the settings, closed at the end, found by routes through the app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Self, cast

from fastapi import Depends, Request
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.gateway.admission.admission import Admission
from services.gateway.auth.key_ring import KeyRing
from services.gateway.limits.api_limits import ApiLimits
from services.gateway.limits.call_limits import CallLimits
from services.gateway.limits.pseudonym import Pseudonyms
from services.gateway.outbound.placing import Placing
from services.gateway.plain_line.line import PlainLine
from services.gateway.plain_line.record import PlainRecord
from services.gateway.plain_line.talk import Talk
from services.gateway.settings import GatewaySettings
from services.gateway.telephone.http import PROVIDER as TWILIO
from services.gateway.telephone.twilio_calls import TwilioCalls
from services.gateway.watch.kept_calls import KeptCallsWatch
from services.gateway.watch.quiet_calls import QuietCalls
from services.gateway.watch.recordings_due import RecordingsDue
from services.gateway.webhooks.billing import Billing
from services.gateway.webhooks.kept_recordings import KeptRecordings
from services.gateway.webhooks.known_agents import KnownAgents
from services.gateway.webhooks.outages import Outages
from services.gateway.webhooks.recordings import Recordings
from services.gateway.webhooks.switchboard import Switchboard
from services.gateway.webhooks.twiml import Addresses
from services.gateway.webhooks.without_record import WithoutRecord
from shared.admission.slots import Slots
from shared.clients.kayako import PROVIDER as KAYAKO
from shared.clients.knowledge_search import DEADLINE_S
from shared.clients.rooms import RoomClient
from shared.clock import Clock
from shared.database.engine import AsyncSessions, async_sessions, make_async_engine
from shared.database.health import DATABASE, DATABASE_RULES, ask_anything
from shared.database.transactions import transaction
from shared.degradation.ladder import Ladder
from shared.degradation.levels import Health
from shared.degradation.override import Overrides
from shared.degradation.shared_ladder import shared_ladder
from shared.limits.limiter import Limiter
from shared.limits.shared_buckets import SharedBuckets
from shared.record.kept_calls import KeptCalls
from shared.resilience.board import Board
from shared.resilience.provider_names import EMBEDDING, HEARING, KNOWLEDGE, SUMMARY_MODEL, VECTORS
from shared.resilience.shared_board import shared_board
from shared.security.purpose_tokens import TokenSigner
from shared.security.twilio_signature import TwilioSignature
from shared.task_group import TaskSet
from shared.web.health import Check

KNOWN_ELSEWHERE = (KNOWLEDGE, KAYAKO, VECTORS, EMBEDDING, SUMMARY_MODEL)
"""What voice processes, workers and the knowledge room tell of these is shown here, where operators look."""
ROOM_S = 5.0
"""How long the API waits for another room."""
REDIS_S = 2.0


@dataclass(frozen=True)
class Wiring:
    """The parts. Nothing connects before it is used."""

    account_sid: str
    addresses: Addresses
    twilio_signature: TwilioSignature
    clock: Clock
    board: Board
    engine: AsyncEngine
    sessions: AsyncSessions
    redis: Redis
    keys: KeyRing
    billing: Billing
    admission: Admission
    limiter: Limiter
    call_limits: CallLimits
    api_limits: ApiLimits
    ladder: Ladder
    overrides: Overrides
    outages: Outages
    agents: KnownAgents
    kept_calls: KeptCallsWatch
    switchboard: Switchboard
    plain_line: PlainLine
    recordings: Recordings
    twilio: TwilioCalls
    placing: Placing
    quiet_calls: QuietCalls
    recordings_due: RecordingsDue
    articles: RoomClient
    """The knowledge room for a caller who waits for an answer: a shorter deadline than the API's."""
    knowledge: RoomClient
    ticketing: RoomClient
    voice: RoomClient | None

    @classmethod
    def of(cls, settings: GatewaySettings, clock: Clock) -> Self:
        """Built from checked settings. Raises ValueError when the signing key is none."""
        signer = TokenSigner(settings.signing_key.get_secret_value())
        engine = make_async_engine(settings, "gateway")
        sessions = async_sessions(engine)
        addresses = Addresses(settings.public_url, settings.media_address)
        board = shared_board("gateway", settings, clock)
        twilio = TwilioCalls(
            settings.twilio_account_sid,
            settings.twilio_auth_token.get_secret_value(),
            settings.twilio_api_url,
            board.breaker(TWILIO),
        )
        redis = Redis.from_url(
            settings.redis_url.get_secret_value(), socket_timeout=REDIS_S, socket_connect_timeout=REDIS_S
        )
        kept_calls, agents = KeptCalls(redis), KnownAgents(sessions, redis, clock)
        outages = Outages(board.breaker(DATABASE, DATABASE_RULES), kept_calls, WithoutRecord(kept_calls, agents))
        board.probe_with(DATABASE, partial(ask_anything, sessions))
        hearing = board.breaker(HEARING)
        for name in KNOWN_ELSEWHERE:
            board.breaker(name)
        ladder = shared_ladder(settings, lambda: Health(talks=hearing.is_closed), clock)
        billing = Billing(settings.rates)
        placing = Placing(sessions, clock, twilio, addresses, settings, settings.rates)
        admission = Admission(Slots(redis))
        limiter = Limiter(SharedBuckets(redis), clock)
        pseudonyms = Pseudonyms(settings.api_key_pepper.get_secret_value())
        switchboard = Switchboard(sessions, clock, signer, addresses, billing, admission, outages, ladder)
        articles = RoomClient(settings.knowledge_url, "knowledge", "gateway", signer, clock, DEADLINE_S)

        def room(name: str, base: str) -> RoomClient:
            return RoomClient(base, name, "gateway", signer, clock, ROOM_S)

        return cls(
            account_sid=settings.twilio_account_sid,
            addresses=addresses,
            twilio_signature=TwilioSignature(settings.twilio_auth_token.get_secret_value()),
            clock=clock,
            board=board,
            engine=engine,
            sessions=sessions,
            redis=redis,
            keys=KeyRing(sessions, settings.api_key_pepper.get_secret_value(), clock, board.breaker(DATABASE)),
            billing=billing,
            admission=admission,
            limiter=limiter,
            call_limits=CallLimits(limiter, pseudonyms, settings),
            api_limits=ApiLimits(limiter, pseudonyms, settings, clock),
            switchboard=switchboard,
            plain_line=PlainLine(PlainRecord(sessions), Talk(articles, clock), switchboard, addresses, clock),
            articles=articles,
            recordings=Recordings(sessions, billing, outages, KeptRecordings(redis), clock),
            ladder=ladder,
            overrides=Overrides(redis),
            outages=outages,
            agents=agents,
            kept_calls=KeptCallsWatch(sessions, kept_calls, billing, clock),
            twilio=twilio,
            placing=placing,
            quiet_calls=QuietCalls(sessions, clock, twilio, placing, addresses, billing),
            recordings_due=RecordingsDue(sessions, clock, twilio, addresses),
            knowledge=room("knowledge", settings.knowledge_url),
            ticketing=room("ticketing", settings.ticketing_url),
            voice=room("voice", settings.voice_url) if settings.voice_url else None,
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Use the parts, then close what they opened."""
        background = TaskSet("gateway")
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.engine.dispose)
            stack.push_async_callback(self.redis.aclose)
            stack.push_async_callback(self.twilio.close)
            for room in filter(None, (self.articles, self.knowledge, self.ticketing, self.voice)):
                await stack.enter_async_context(room)
            stack.push_async_callback(background.close)
            background.start(self.board.run(), "board")
            background.start(self.ladder.run(), "ladder")
            background.start(self.agents.run(), "agents")
            background.start(self.kept_calls.run(), "kept calls")
            background.start(self.recordings.run(), "kept recordings")
            background.start(self.quiet_calls.run(), "quiet calls")
            background.start(self.recordings_due.run(), "recordings due")
            background.start(self.admission.run(), "admission")
            yield

    def checks(self) -> Mapping[str, Check]:
        """What the dependency report asks."""
        rooms = {"knowledge": self.knowledge, "ticketing": self.ticketing, "voice": self.voice}
        asked = {name: _room_check(room) for name, room in rooms.items() if room is not None}
        return {"database": partial(ask_anything, self.sessions), "redis": self._check_redis, **asked}

    async def _check_redis(self) -> None:
        await self.redis.ping()


def _room_check(room: RoomClient) -> Check:
    async def check() -> None:
        await room.ask("GET", "/health/ready")

    return check


def wiring_of(request: Request) -> Wiring:
    """The parts of the app that serves this request."""
    return cast(Wiring, request.app.state.wiring)


Wired = Annotated[Wiring, Depends(wiring_of)]


async def _open_session(wiring: Wired) -> AsyncIterator[AsyncSession]:
    async with transaction(wiring.sessions) as session:
        yield session


Session = Annotated[AsyncSession, Depends(_open_session, scope="function")]
"""A route's transaction. With FastAPI's default scope it would be committed after the answer was sent: a client could
read its own success before it is true, and keep it when it never becomes true."""
