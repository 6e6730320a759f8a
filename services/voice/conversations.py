"""The conversation of each call: the shared assistant, with the knowledge room and the language model behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import httpx

from services.voice.model_wait import TimedModel
from services.voice.searches_ahead import SearchesAhead
from services.voice.settings import VoiceRoomSettings
from shared.clients.knowledge_search import DEADLINE_S, KnowledgeOverHttp
from shared.clients.rooms import RoomClient
from shared.clock import Clock
from shared.contracts.agents import AgentProfile
from shared.conversation.agent import rules_of
from shared.conversation.assistant import Assistant
from shared.conversation.models.openai_chat import Deadlines, OpenAIChat, openai_client
from shared.conversation.opening import fixed_sentences
from shared.conversation.state import ConversationState
from shared.rates.usage import Meter
from shared.resilience.breaker import Breaker
from shared.security.purpose_tokens import TokenSigner
from shared.web.health import Check

CALLER: Final = "voice"


@dataclass(frozen=True, slots=True)
class Carried:
    """The conversation of one call."""

    assistant: Assistant
    searches: SearchesAhead
    """The assistant's knowledge, which may be asked before the assistant does."""
    model: TimedModel | None

    @property
    def model_waited_s(self) -> float:
        """Seconds it has waited for its model so far."""
        return self.model.waited_s if self.model is not None else 0.0


class Conversations:
    """One per process: what all conversations share, and a new one for each call."""

    def __init__(self, settings: VoiceRoomSettings, clock: Clock) -> None:
        """Raises ValueError when the signing key is none."""
        signer = TokenSigner(settings.signing_key.get_secret_value())
        self._clock = clock
        self._room = RoomClient(settings.knowledge_url, "knowledge", CALLER, signer, clock, DEADLINE_S)
        self._client = openai_client(settings, Deadlines())
        self._model_address = settings.openai_base_url
        self._model = None
        if self._client is not None:
            breaker = Breaker("openai", clock)
            self._model = OpenAIChat(self._client, settings.openai_model, breaker, settings.openai_reasoning_effort)

    def begin(
        self, profile: AgentProfile, state: ConversationState, meter: Meter, initial_message: str = ""
    ) -> Carried:
        """A conversation, new or resumed from this state; a call of ours opens with its message."""
        knowledge = KnowledgeOverHttp(self._room, profile.knowledge_collection, profile.language)
        searches = SearchesAhead(knowledge, self._clock)
        model = TimedModel(self._model, self._clock, meter) if self._model is not None else None
        return Carried(Assistant(profile, searches, model, self._clock, state, initial_message), searches, model)

    def fixed_sentences(self, profile: AgentProfile) -> Iterator[str]:
        """Everything an agent says that is the same in every call, its greeting first."""
        return fixed_sentences(rules_of(profile, has_model=self._model is not None))

    def checks(self) -> Mapping[str, Check]:
        """What the dependency report asks."""
        checks = {"knowledge": self._check_knowledge}
        return {**checks, "openai": reachable(self._model_address)} if self._model is not None else checks

    async def _check_knowledge(self) -> None:
        await self._room.ask("GET", "/health/ready")

    async def close(self) -> None:
        """Close the connections."""
        await self._room.__aexit__()
        if self._client is not None:
            await self._client.close()


def reachable(base: str) -> Check:
    """Whether anything answers HTTP at this address; any answer will do."""

    async def check() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.get(base)

    return check
