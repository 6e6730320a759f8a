"""A channel made of text: plays replies at once, and may be interrupted. And the ports it needs: shelf and script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, UUID, uuid5

from shared.clock import SystemClock
from shared.contracts.agents import AgentProfile
from shared.contracts.conversations import EmailPolicy, TicketPolicy
from shared.contracts.knowledge import Passage, SearchAnswer
from shared.conversation.assistant import Assistant
from shared.conversation.models.extractive import stems
from shared.conversation.ports import (
    ChatModel,
    Expectation,
    Knowledge,
    KnownAnswers,
    ModelRequest,
    NextStep,
    Provenance,
    TextDelta,
    ToolCall,
)
from shared.conversation.reply import SpokenReply
from shared.conversation.state import ConversationState
from shared.conversation.understanding.languages import words_of

ROUTER = """Hold the power button on the back for ten seconds.

1. Unplug the power cable.
2. Wait 30 seconds.
3. Plug it in again.

The router needs about two minutes until it is ready."""
BILLING = "You can choose any day from 1 to 28. Go to **My account > Billing**. It takes effect with the next bill."
ARTICLES = {"Restart your router": ROUTER, "Change your billing date": BILLING}


def profile(**changes: object) -> AgentProfile:
    """An agent with every tool and no telephone number of a person."""
    standard: dict[str, object] = {
        "id": UUID(int=7),
        "name": "Fern",
        "company": "Fernway Internet",
        "language": "en-US",
        "voice": "aura-2-thalia-en",
        "greeting": "Thanks for calling Fernway Internet.",
        "instructions": "Fernway sells internet access to homes.",
        "tone": "friendly, brief",
        "knowledge_collection": "default",
        "tools": ("search_knowledge", "open_ticket", "end_call"),
        "ticket_policy": TicketPolicy.EVERY_CONVERSATION,
        "email_policy": EmailPolicy.ALWAYS,
        "transfer_number": None,
    }
    return AgentProfile.model_validate(standard | changes)


@dataclass
class Shelf:
    """A small knowledge base: an article is found when the query names half of its title."""

    articles: dict[str, str] = field(default_factory=lambda: dict(ARTICLES))
    queries: list[str] = field(default_factory=list)

    async def search(self, query: str) -> SearchAnswer:
        return self.answer(query)

    def answer(self, query: str) -> SearchAnswer:
        """What the search finds."""
        self.queries.append(query)
        words = words_of("en").questions
        wanted = stems(query, words)
        passages = []
        for title, text in self.articles.items():
            about = stems(title, words)
            score = len(wanted & about) / len(about)
            if score >= 0.5:
                passages.append(_passage(title, text, score))
        passages.sort(key=lambda passage: -passage.score)
        return SearchAnswer(found=bool(passages), passages=passages)


def _passage(title: str, text: str, score: float) -> Passage:
    article = uuid5(NAMESPACE_URL, title)
    return Passage(
        article_id=article, chunk_id=f"{article}-0", title=title, heading="", text=text, url=None, score=score
    )


@dataclass(frozen=True)
class Pause:
    """The model writes nothing for a while."""

    seconds: float


Part = str | ToolCall | Pause | BaseException


class ScriptedModel:
    """A model whose answers are written down: one list of parts per request, the last one for ever."""

    name = "script"

    def __init__(self, *answers: Sequence[Part]) -> None:
        self._answers = list(answers)
        self.requests: list[ModelRequest] = []
        self.closed = 0

    async def stream(self, request: ModelRequest) -> AsyncGenerator[TextDelta | ToolCall]:
        self.requests.append(request)
        parts = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        try:
            for part in parts:
                match part:
                    case str():
                        yield TextDelta(part)
                    case ToolCall():
                        yield part
                    case Pause(seconds):
                        await asyncio.sleep(seconds)
                    case _:
                        raise part
        finally:
            self.closed += 1


@dataclass
class Exchange:
    """What came of one utterance."""

    sentences: list[str]
    step: NextStep
    provenance: Provenance

    @property
    def text(self) -> str:
        return " ".join(self.sentences)


class TextChannel:
    """Speaks with an assistant as a telephone would, without the telephone."""

    def __init__(
        self,
        agent: AgentProfile | None = None,
        knowledge: Knowledge | None = None,
        model: ChatModel | None = None,
        state: ConversationState | None = None,
        known: KnownAnswers | None = None,
    ) -> None:
        self.shelf = Shelf()
        shelf = knowledge or self.shelf
        self.assistant = Assistant(agent or profile(), shelf, model, SystemClock(), state, known=known)

    @property
    def state(self) -> ConversationState:
        return self.assistant.state

    @property
    def expects(self) -> Expectation:
        return self.assistant.expects

    async def open(self, hears: Callable[[str], str] | None = None) -> Exchange:
        return await self.play(self.assistant.open(), hears)

    async def say(self, *lines: str) -> Exchange:
        """Say the lines one after another, hearing every reply to its end; the last exchange."""
        exchange = None
        for line in lines:
            exchange = await self.play(self.assistant.reply_to(line), None)
        assert exchange is not None
        return exchange

    async def say_and_interrupt(self, line: str, hears: Callable[[str], str]) -> Exchange:
        """Say a line and hear only what `hears` leaves of the reply."""
        return await self.play(self.assistant.reply_to(line), hears)

    async def be_silent(self) -> Exchange:
        return await self.play(self.assistant.caller_is_silent(), None)

    async def play(self, reply: SpokenReply, hears: Callable[[str], str] | None) -> Exchange:
        sentences = []
        async with aclosing(aiter(reply)) as produced:
            async for sentence in produced:
                assert sentence.text.strip()
                sentences.append(sentence.text)
        whole = " ".join(sentences)
        heard = whole if hears is None else hears(whole)
        step = self.assistant.commit(reply, heard, complete=heard == whole)
        # What cannot be stored and read again would be lost when a process dies.
        self.assistant.state = ConversationState.from_json(self.assistant.state.to_json())
        return Exchange(sentences, step, reply.provenance)


def first_words(count: int) -> Callable[[str], str]:
    """Hears that many words and then interrupts."""
    return lambda whole: " ".join(whole.split()[:count])
