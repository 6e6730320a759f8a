"""What a voice process is made of: built once from the settings, started and stopped with the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

from redis.asyncio import Redis

from services.voice.capacity.free_slots import Load
from services.voice.capacity.publishing import SlotPublisher
from services.voice.conversations import Conversations, reachable
from services.voice.deepgram_socket import Capability, DeepgramSockets
from services.voice.hearing.deepgram_listen import DeepgramListen
from services.voice.hearing.dialect import Recogniser
from services.voice.hearing.recognisers import recogniser_for
from services.voice.hearing.sockets_ahead import SocketsAhead
from services.voice.record.call_rows import ClaimedCall, active_profiles
from services.voice.record.keeping import Keeping
from services.voice.record.recorder import Recorder, is_outage
from services.voice.relay.relay_line import RelayLine
from services.voice.relay.relay_session import RelaySession
from services.voice.session.admission import Admission
from services.voice.session.call import Call, CallParts
from services.voice.session.calls import Calls, Transport
from services.voice.session.line import Line
from services.voice.session.media_line import MediaLine, Tongue
from services.voice.session.silence import CallLimits
from services.voice.settings import VoiceRoomSettings
from services.voice.speech.apologies import apologies_in
from services.voice.speech.audio_cache import AudioCache
from services.voice.speech.probes import Probes
from services.voice.speech.voices import Voices, voices_of
from services.voice.speech.warm_up import WarmUp
from services.voice.transport.handshake_limits import HandshakeLimits
from services.voice.transport.media_socket import MediaSocket
from services.voice.transport.media_stream import MediaStream
from services.voice.transport.stream_token import StreamTokens
from shared.admission.slots import Slots
from shared.clock import Clock
from shared.contracts.agents import AgentProfile
from shared.conversation.state import ConversationState
from shared.database.engine import async_sessions, make_async_engine
from shared.database.health import DATABASE, DATABASE_RULES, ask_anything
from shared.limits.limiter import Limiter
from shared.limits.shared_buckets import SharedBuckets
from shared.observability.logs import get_logger
from shared.rates.usage import Meter
from shared.record.kept_calls import KeptCalls
from shared.resilience.board import Board
from shared.resilience.provider_names import HEARING
from shared.security.purpose_tokens import TokenSigner
from shared.task_group import TaskSet
from shared.web.health import Check

log = get_logger(__name__)

REDIS_S: Final = 0.5
"""How long a stream's admission waits for Redis before the row alone decides."""
LAST_STORE_S: Final = 10.0
"""How long the end of the process waits for the record."""
DATABASE_RETRY_S: Final = 2.0


class Wiring:
    """The parts. Nothing connects before it is used."""

    def __init__(self, settings: VoiceRoomSettings, conversations: Conversations, clock: Clock, board: Board) -> None:
        """Raises ValueError when the signing key is none."""
        self._settings = settings
        self._conversations = conversations
        self._clock = clock
        self.board = board
        self._limits = CallLimits(settings.voice_silence_s, settings.voice_longest_call_s)
        key = settings.deepgram_api_key.get_secret_value()
        self._sockets = DeepgramSockets(settings.deepgram_url, key)
        self._ears = SocketsAhead(self._sockets)
        self._engine = make_async_engine(settings, "voice")
        self._sessions = async_sessions(self._engine)
        self._redis = Redis.from_url(
            settings.redis_url.get_secret_value(), socket_timeout=REDIS_S, socket_connect_timeout=REDIS_S
        )
        self._cache = AudioCache()
        self._voices = Voices(settings, self._sockets, self._cache, clock, board)
        self._warm_up = WarmUp(self._voices, self._cache)
        self._probes = Probes(self._voices, clock, settings.voice_speech_probe_s)
        keeping = Keeping(KeptCalls(self._redis), clock, settings.rates)
        self._recorder = Recorder(self._sessions, clock, settings.rates, keeping)
        database = board.breaker(DATABASE, DATABASE_RULES)
        board.probe_with(DATABASE, partial(ask_anything, self._sessions))
        signer = TokenSigner(settings.signing_key.get_secret_value())
        tokens = StreamTokens(signer, self._redis, settings.twilio_account_sid, clock)
        self.handshakes = HandshakeLimits(Limiter(SharedBuckets(self._redis), clock), settings, clock)
        self._slots = SlotPublisher(Slots(self._redis), settings.voice_most_calls)
        self.calls = Calls(Admission(tokens, self._sessions, clock, database, keeping), clock, self._slots)
        self.media = Transport("/twilio/media", self._media_stream, self._media_call)
        self.relay = Transport("/twilio/relay", RelaySession, self._relay_call)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Run what runs beside the calls; at the end, store what is left and close everything."""
        background = TaskSet("voice")
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._engine.dispose)
            stack.push_async_callback(self._redis.aclose)
            stack.push_async_callback(self._conversations.close)
            stack.push_async_callback(self._voices.close)
            stack.push_async_callback(self._warm_up.close)
            stack.push_async_callback(self._probes.close)
            stack.push_async_callback(self._ears.close)
            stack.push_async_callback(self._slots.leave)
            stack.push_async_callback(background.close)
            stack.push_async_callback(self._store_the_rest)
            background.start(self.board.run(), "board")
            background.start(self._conversations.ladder.run(), "ladder")
            background.start(self._recorder.run(), "recorder")
            background.start(self._warm_all(), "warm-up")
            background.start(self._slots.run(self._load), "slots")
            yield

    def _load(self) -> Load:
        return Load(self.calls.engaged, self.board.lag.usual_s, self.calls.draining)

    async def _store_the_rest(self) -> None:
        left = await self._recorder.drain(LAST_STORE_S)
        if left:
            log.error("turns_not_stored", count=left)

    async def _warm_all(self) -> None:
        """Have the fixed sentences of every active agent ready; the database may come up after us."""
        while True:
            try:
                profiles = await active_profiles(self._sessions)
            except Exception as error:
                if not is_outage(error):
                    raise
                await asyncio.sleep(DATABASE_RETRY_S)
            else:
                break
        for profile in profiles:
            self._voices.recorded.of(profile)
            for spoken in map(profile.speaking, profile.codes):
                self._warm(spoken)
                self._warm_up.want(spoken.voice, self._conversations.fixed_sentences(spoken))
            hearing = self._recogniser(profile)
            self._ears.will_need(hearing.path, hearing.query, Capability.HEARING)
            self.board.breaker(HEARING)
            self.board.probe_with(HEARING, partial(self._hears, hearing))
        for profile in profiles:
            await self._conversations.prepare(profile)

    async def _hears(self, recogniser: Recogniser) -> None:
        """Whether a recogniser takes a call. Raises SocketRefused or SocketUnavailable."""
        socket = await self._sockets.open(recogniser.path, recogniser.query, Capability.HEARING)
        socket.transport.abort()

    def _recogniser(self, profile: AgentProfile) -> Recogniser:
        return recogniser_for(self._settings, profile.hearing, profile.language, profile.company)

    def _media_stream(self, socket: MediaSocket, clock: Clock) -> MediaStream:
        """A stream that comes in: the recogniser's socket may be opened before the call is known."""
        self._ears.begin()
        return MediaStream(socket, clock)

    def _media_call(self, claimed: ClaimedCall, stream: MediaStream) -> Call:
        """The parts of one call over Media Streams, put together."""
        profile = claimed.profile.speaking(ConversationState.from_json(claimed.checkpoint).language)
        self._warm(profile)
        meter, ears = Meter(), self.board.breaker(HEARING)
        hearing = DeepgramListen(self._ears, self._recogniser(profile), self._clock, meter, breaker=ears)
        voice, tongue_of = self._voices.of(profile, meter), partial(self._tongue, claimed.profile, meter)
        return self._call(claimed, MediaLine(stream, hearing, voice, self._clock, tongue_of), meter)

    def _tongue(self, profile: AgentProfile, meter: Meter, language: str) -> Tongue:
        """What a language of this agent's is heard and spoken with."""
        spoken = profile.speaking(language)
        self._warm(spoken)
        return Tongue(self._recogniser(spoken), self._voices.of(spoken, meter))

    def _warm(self, profile: AgentProfile) -> None:
        """Have the voices of an agent looked after, and what they say when all others fail."""
        self._probes.watch(voices_of(profile))
        self._warm_up.want(profile.voice, apologies_in(profile.language).all)

    def _relay_call(self, claimed: ClaimedCall, session: RelaySession) -> Call:
        """The parts of one call over ConversationRelay, put together."""
        protects = self._settings.voice_protects_notice
        return self._call(claimed, RelayLine(session, claimed, self._clock, protects_notice=protects), Meter())

    def _call(self, claimed: ClaimedCall, line: Line, meter: Meter) -> Call:
        return Call(
            CallParts(
                claimed=claimed,
                line=line,
                conversation=self._conversations.begin(
                    claimed.profile, ConversationState.from_json(claimed.checkpoint), meter, claimed.initial_message
                ),
                recorder=self._recorder,
                limits=self._limits,
                protects_notice=self._settings.voice_protects_notice,
                answers_ahead=self._settings.voice_answers_ahead,
                acknowledges_after_s=self._settings.voice_acknowledge_ms / 1000,
                clock=self._clock,
                meter=meter,
            )
        )

    def checks(self) -> Mapping[str, Check]:
        """What the dependency report asks."""
        return {
            "database": partial(ask_anything, self._sessions),
            "redis": self._check_redis,
            "deepgram": reachable(self._settings.deepgram_url),
            **self._conversations.checks(),
        }

    async def _check_redis(self) -> None:
        await self._redis.ping()
