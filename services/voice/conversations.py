"""The conversation of each call: the shared assistant, with the knowledge room and the language model behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Final

import httpx
from redis.asyncio import Redis

from services.voice.known_answers import AnswersOf, AnswerStore
from services.voice.ladder_model import LadderModel
from services.voice.model_wait import TimedModel
from services.voice.searches_ahead import SearchesAhead
from services.voice.settings import VoiceRoomSettings
from shared.clients.knowledge_search import DEADLINE_S, KnowledgeOverHttp, any_search
from shared.clients.rooms import RoomClient
from shared.clock import Clock
from shared.contracts.agents import AgentProfile
from shared.conversation.agent import rules_of
from shared.conversation.assistant import Assistant
from shared.conversation.known_answers import kin
from shared.conversation.models.openai_chat import Deadlines, OpenAIChat, openai_client
from shared.conversation.opening import fixed_sentences
from shared.conversation.state import ConversationState, Phase
from shared.degradation.ladder import Ladder
from shared.degradation.levels import Health, Level
from shared.degradation.shared_ladder import shared_ladder
from shared.rates.usage import Meter
from shared.resilience.board import Board
from shared.resilience.provider_names import KNOWLEDGE
from shared.security.purpose_tokens import TokenSigner
from shared.web.health import Check

CALLER: Final = "voice"
REDIS_S: Final = 0.5
"""For a new connection; what waits for an answer has deadlines of its own."""
MODEL: Final = "model:full"
FAST_MODEL: Final = "model:fast"
"""Names under which all processes know how these are doing."""


@dataclass(frozen=True, slots=True)
class Carried:
    """The conversation of one call."""

    assistant: Assistant
    searches: SearchesAhead
    """The assistant's knowledge, which may be asked before the assistant does."""
    model: TimedModel | None
    ladder: Ladder
    knowledge: KnowledgeOverHttp

    @property
    def level(self) -> Level:
        """The level that is lived on at present."""
        return self.ladder.level

    @property
    def model_waited_s(self) -> float:
        """Seconds it has waited for its model so far."""
        return self.model.waited_s if self.model is not None else 0.0


class Conversations:
    """One per process: what all conversations share, and a new one for each call."""

    def __init__(self, settings: VoiceRoomSettings, clock: Clock, board: Board) -> None:
        """Raises ValueError when the signing key is none."""
        signer = TokenSigner(settings.signing_key.get_secret_value())
        self._clock = clock
        knowledge = board.breaker(KNOWLEDGE)
        self._room = RoomClient(settings.knowledge_url, "knowledge", CALLER, signer, clock, DEADLINE_S, knowledge)
        board.probe_with(KNOWLEDGE, partial(any_search, self._room))
        self.ladder = shared_ladder(settings, self._health, clock)
        self._board = board
        self._has_fast = settings.openai_fast_model is not None
        self._client = openai_client(settings, Deadlines())
        self._model_address = settings.openai_base_url
        self._reuses = settings.voice_known_answers
        self._redis = Redis.from_url(
            settings.redis_url.get_secret_value(), socket_connect_timeout=REDIS_S, decode_responses=True
        )
        self.answers = AnswerStore(self._redis, clock)
        self._model: LadderModel | None = None
        if self._client is not None:
            effort = settings.openai_reasoning_effort
            full = OpenAIChat(self._client, settings.openai_model, board.breaker(MODEL), effort)
            board.probe_with(MODEL, full.probe)
            fast = None
            if settings.openai_fast_model is not None:
                fast = OpenAIChat(self._client, settings.openai_fast_model, board.breaker(FAST_MODEL), effort)
                board.probe_with(FAST_MODEL, fast.probe)
            self._model = LadderModel(full, fast, self.ladder, clock)

    def _health(self) -> Health:
        """What the level follows from. Without a model there is nothing to fall from: rules are what was chosen."""
        if self._model is None:
            return Health()
        full = self._board.breaker(MODEL).is_closed
        return Health(full, self._board.breaker(FAST_MODEL).is_closed if self._has_fast else None)

    def begin(
        self, profile: AgentProfile, state: ConversationState, meter: Meter, initial_message: str = ""
    ) -> Carried:
        """A conversation, new or resumed from this state; a call of ours opens with its message."""
        return self._begin(profile, state, meter, initial_message, counts=True)

    def _begin(
        self, profile: AgentProfile, state: ConversationState, meter: Meter, initial_message: str, *, counts: bool
    ) -> Carried:
        language = profile.speaking(state.language).language
        knowledge = KnowledgeOverHttp(self._room, profile.knowledge_collection, language)
        searches = SearchesAhead(knowledge, self._clock)
        model = TimedModel(self._model, self._clock, meter) if self._model is not None else None
        known = self._known(profile, counts=counts)
        assistant = Assistant(profile, searches, model, self._clock, state, initial_message, known)
        return Carried(assistant, searches, model, self.ladder, knowledge)

    def _known(self, profile: AgentProfile, *, counts: bool) -> AnswersOf | None:
        """The agent's answers that may be given again."""
        if self._model is None or self._reuses == "never":
            return None
        return AnswersOf(
            self.answers, kin(profile, self._model.name), self.ladder, near=self._reuses == "like", counts=counts
        )

    async def prepare(self, profile: AgentProfile) -> None:
        """Have the answers to the agent's most asked questions ready; those that are known cost no request."""
        if self._model is None or self._reuses == "never":
            return
        for question in await self.answers.to_prepare(kin(profile, self._model.name)):
            asked = ConversationState(phase=Phase.ISSUE, notice_heard=True)
            assistant = self._begin(profile, asked, Meter(), "", counts=False).assistant
            reply = assistant.reply_to(question)
            async with aclosing(aiter(reply)) as sentences:
                async for _ in sentences:
                    pass
            assistant.commit(reply, "", complete=False)

    def fixed_sentences(self, profile: AgentProfile) -> Iterator[str]:
        """Everything an agent says that is the same in every call, its greeting first, in its present language."""
        return fixed_sentences(rules_of(profile, has_model=self._model is not None))

    def checks(self) -> Mapping[str, Check]:
        """What the dependency report asks."""
        checks = {"knowledge": self._check_knowledge}
        return {**checks, "openai": reachable(self._model_address)} if self._model is not None else checks

    async def _check_knowledge(self) -> None:
        await self._room.ask("GET", "/health/ready")

    async def close(self) -> None:
        """Close the connections."""
        await self.answers.close()
        await self._redis.aclose()
        await self._room.__aexit__()
        if self._client is not None:
            await self._client.close()


def reachable(base: str) -> Check:
    """Whether anything answers HTTP at this address; any answer will do."""

    async def check() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.get(base)

    return check
