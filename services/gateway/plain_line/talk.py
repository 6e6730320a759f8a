"""One exchange: what the caller said or pressed, and what the assistant answers by its rules and the articles."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass

from shared.clients.knowledge_search import KnowledgeOverHttp
from shared.clients.rooms import RoomClient
from shared.clock import Clock
from shared.contracts.agents import AgentProfile
from shared.contracts.conversations import Outcome
from shared.conversation.assistant import Assistant
from shared.conversation.ports import NextStep, Provenance
from shared.conversation.reply import SpokenReply
from shared.conversation.state import ConversationState
from shared.record.turns import LONGEST_TEXT


@dataclass(frozen=True, slots=True)
class Conversing:
    """What an exchange depends on."""

    profile: AgentProfile
    state: ConversationState
    initial_message: str
    """What a call of ours has to say."""
    is_first: bool
    """Nothing was said over the plain line yet."""


@dataclass(frozen=True, slots=True)
class Said:
    """What `<Gather>` brought."""

    words: str = ""
    key: str = ""

    @property
    def noted(self) -> str:
        """As the record writes it."""
        return f"[key {self.key}]" if self.key else self.words


@dataclass(frozen=True, slots=True)
class Exchange:
    """A reply, and where it leads."""

    sentences: tuple[str, ...]
    provenance: Provenance
    unheard: ConversationState
    """When the caller hangs up on it."""
    then: ConversationState
    step: NextStep
    outcome: Outcome
    """If the call ended now."""


def said_in(fields: Mapping[str, str]) -> Said:
    """What the caller did, from the fields of a `<Gather>`'s action; nothing when they were silent."""
    return Said(words=fields.get("SpeechResult", "").strip()[:LONGEST_TEXT], key=fields.get("Digits", "")[:1])


class Talk:
    """Answers without a voice process and without a model."""

    def __init__(self, knowledge: RoomClient, clock: Clock) -> None:
        self._knowledge = knowledge
        self._clock = clock

    async def exchange(self, conversing: Conversing, said: Said) -> Exchange:
        """The answer. Takes no longer than a search may; never raises."""
        assistant = self._assistant(conversing)
        reply = _reply(assistant, said, is_first=conversing.is_first)
        async with aclosing(aiter(reply)) as spoken:
            sentences = tuple([sentence.text async for sentence in spoken])
        assistant.state = unheard = reply.in_flight(0)
        outcome = assistant.outcome()
        step = assistant.commit(reply, " ".join(sentences), complete=True)
        return Exchange(sentences, reply.provenance, unheard, assistant.state, step, outcome)

    def outcome(self, conversing: Conversing) -> Outcome:
        """How the conversation ended."""
        return self._assistant(conversing).outcome()

    def _assistant(self, conversing: Conversing) -> Assistant:
        profile = conversing.profile
        language = profile.speaking(conversing.state.language).language
        knowledge = KnowledgeOverHttp(self._knowledge, profile.knowledge_collection, language)
        return Assistant(profile, knowledge, None, self._clock, conversing.state, conversing.initial_message)


def _reply(assistant: Assistant, said: Said, *, is_first: bool) -> SpokenReply:
    """The reply to make; a key that means nothing now is answered like words that were not understood."""
    if is_first:
        return assistant.open()
    if said.key:
        return assistant.reply_to(assistant.key_says(said.key) or "")
    return assistant.reply_to(said.words) if said.words else assistant.caller_is_silent()
