"""What the service is made of: built from the settings inside the running event loop, closed at its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, cast

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from services.knowledge.adapters.chroma import ChromaSearch
from services.knowledge.adapters.lexical import Lexical
from services.knowledge.adapters.reading import FileReader
from services.knowledge.application.ports import QuestionEmbedder
from services.knowledge.application.search import Search, VectorBreakers
from services.knowledge.settings import KnowledgeServiceSettings
from shared.clock import Clock
from shared.database.engine import AsyncSessions, async_sessions, make_async_engine
from shared.database.health import ask_anything
from shared.database.transactions import DatabaseAway, transaction
from shared.observability.logs import get_logger
from shared.resilience.board import Board
from shared.resilience.provider_names import EMBEDDING, VECTORS
from shared.resilience.shared_board import shared_board
from shared.task_group import TaskSet
from shared.web.health import Check

log = get_logger(__name__)

A_QUESTION = "Is anybody there?"
"""What a model that makes vectors is tried with."""
READ_AHEAD_S = 30.0
"""How long the start may wait for the articles' words: ten thousand chunks take three seconds."""


@dataclass(frozen=True)
class Wiring:
    """The parts."""

    clock: Clock
    sessions: AsyncSessions
    space: str
    """Of the vectors that count now."""
    search: Search
    reader: FileReader
    chroma: ChromaSearch
    board: Board

    def checks(self) -> Mapping[str, Check]:
        """What the dependency report asks."""
        return {"database": partial(ask_anything, self.sessions), "chroma": self.chroma.check}


@asynccontextmanager
async def wired(settings: KnowledgeServiceSettings, clock: Clock) -> AsyncIterator[Wiring]:
    """The parts, working; the lexical side follows the record as long as the block runs."""
    async with AsyncExitStack() as stack:
        engine = make_async_engine(settings, "knowledge")
        stack.push_async_callback(engine.dispose)
        sessions = async_sessions(engine)
        embedder = await stack.enter_async_context(_question_embedder(settings))
        chroma = await stack.enter_async_context(ChromaSearch(settings.chroma_url, embedder.space))
        lexical = Lexical(sessions)
        await _read_ahead(lexical)
        following = TaskSet("knowledge")
        stack.push_async_callback(following.close)
        following.start(lexical.follow(), name="follow_articles")
        board = shared_board("knowledge", settings, clock)
        breakers = VectorBreakers(board.breaker(EMBEDDING), board.breaker(VECTORS))
        board.probe_with(EMBEDDING, partial(embedder.embed_question, A_QUESTION))
        board.probe_with(VECTORS, chroma.check)
        following.start(board.run(), name="board")
        search = Search(sessions, embedder, chroma, lexical, settings.knowledge_threshold, breakers)
        yield Wiring(clock, sessions, embedder.space, search, FileReader(), chroma, board)


async def _read_ahead(lexical: Lexical) -> None:
    """Read what there is before the first caller asks; what cannot be read now is read when it is asked for."""
    try:
        async with asyncio.timeout(READ_AHEAD_S):
            await lexical.catch_up()
    except (DatabaseAway, TimeoutError) as error:
        log.warning("record_away", error=type(error).__name__)


@asynccontextmanager
async def _question_embedder(settings: KnowledgeServiceSettings) -> AsyncIterator[QuestionEmbedder]:
    """The model of the settings. Only the one in use is imported."""
    if settings.uses_openai:
        from services.knowledge.adapters.openai_embeddings import OpenAIQuestions  # noqa: PLC0415

        async with OpenAIQuestions(settings) as questions:
            yield questions
    else:
        from services.knowledge.adapters.minilm import MiniLM  # noqa: PLC0415

        yield MiniLM(settings.knowledge_model_dir)


async def wiring_of(request: Request) -> Wiring:
    """The parts of the app that serves this request; a coroutine, since FastAPI runs plain functions in a thread."""
    return cast(Wiring, request.app.state.wiring)


Wired = Annotated[Wiring, Depends(wiring_of)]


async def _open_session(wiring: Wired) -> AsyncIterator[AsyncSession]:
    async with transaction(wiring.sessions) as session:
        yield session


OpenSession = Annotated[AsyncSession, Depends(_open_session, scope="function")]
"""A route's transaction, committed before the answer is sent."""
