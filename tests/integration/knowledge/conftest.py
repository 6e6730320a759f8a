"""The knowledge room on real servers: its service over HTTP, and its embedding work as the worker would do it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from services.knowledge.adapters.chroma import ChromaStore
from services.knowledge.adapters.minilm import MiniLM
from services.knowledge.app import make_app
from services.knowledge.assembly import EmbeddingRoom
from services.knowledge.settings import KnowledgeServiceSettings
from shared.clients.rooms import RoomClient
from shared.clock import SystemClock
from shared.contracts import knowledge as contract
from shared.contracts.knowledge import Lookup, SearchAnswer, UploadReceipt
from shared.contracts.tasks import TaskName
from shared.database.engine import Sessions, make_engine, sync_sessions
from shared.database.models import Article, OutboxRow
from shared.security.purpose_tokens import TokenSigner
from shared.settings import DatabaseSettings
from tests.serving import serving
from tests.waiting import wait_for_async

MODELS = Path(__file__).resolve().parents[3] / ".local" / "models"
NO_REDIS = "redis://127.0.0.1:9/0"
"""The room goes by what it sees itself then: tests of one test run must not share outages."""
SIGNING_KEY = base64.b64encode(secrets.token_bytes(32)).decode()


ROUTER = """# Restart your router

When the connection is slow, restart the router first.

## By hand

1. Unplug the power cable.
2. Wait ten seconds.
3. Plug it in again and wait until the light is green.

## In the app

Open the app, choose *Devices* and then *Restart*.
"""
BILLING = """# Change the date of your bill

You can choose any day of the month in the account settings, under *Billing*.
"""


@pytest.fixture(scope="session")
def minilm() -> MiniLM:
    """The real model, loaded once for the run."""
    return MiniLM(MODELS)


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    engine = make_engine(DatabaseSettings(database_url=SecretStr(database_url)), "test")
    yield sync_sessions(engine)
    engine.dispose()


@pytest.fixture
def collection() -> str:
    """A collection of the test's own: Chroma is shared."""
    return f"kb-{secrets.token_hex(6)}"


@pytest.fixture
def embedding(sessions: Sessions, chroma_url: str, minilm: MiniLM) -> Iterator[EmbeddingRoom]:
    with ChromaStore(chroma_url, minilm.space) as store:
        yield EmbeddingRoom(sessions, minilm, store)


@dataclass
class Worker:
    """Takes orders from the outbox and carries them out, one after the other, as relay and worker do."""

    room: EmbeddingRoom

    def orders(self) -> list[OutboxRow]:
        """What waits, oldest first; it waits no longer."""
        with self.room.sessions.begin() as session:
            waiting = select(OutboxRow).where(OutboxRow.sent_at.is_(None)).order_by(OutboxRow.created_at)
            rows = list(session.scalars(waiting))
            for row in rows:
                row.sent_at = row.created_at
        return rows

    def carry_out(self, order: OutboxRow) -> None:
        match TaskName(order.task):
            case TaskName.EMBED_ARTICLE:
                self.room.embed_article(UUID(order.payload["article_id"]), order.payload["version"])
            case TaskName.FORGET_ARTICLE:
                self.room.forget_article(UUID(order.payload["article_id"]))

    def articles(self) -> list[tuple[UUID, int]]:
        """Every article that is there, with its present version."""
        with self.room.sessions() as session:
            there = select(Article.id, Article.version).where(Article.removed_at.is_(None))
            return [(article_id, version) for article_id, version in session.execute(there)]

    def work_off(self) -> int:
        orders = self.orders()
        for order in orders:
            self.carry_out(order)
        return len(orders)


@pytest.fixture
def worker(embedding: EmbeddingRoom) -> Worker:
    return Worker(embedding)


@dataclass
class Service:
    """The running service, asked as another room asks it."""

    client: RoomClient
    collection: str
    address: str

    async def upload(self, name: str, text: str | bytes, locale: str = "en") -> UploadReceipt:
        data = text.encode() if isinstance(text, str) else text
        answer = await self.client.ask(
            "POST",
            "/articles",
            files={"file": (name, data)},
            data={"collection": self.collection, "locale": locale},
        )
        return UploadReceipt.model_validate_json(answer.content)

    async def article(self, article_id: object) -> contract.Article:
        answer = await self.client.ask("GET", f"/articles/{article_id}")
        return contract.Article.model_validate_json(answer.content)

    async def search(self, query: str, collection: str | None = None, **more: object) -> SearchAnswer:
        asked = {"collection": collection or self.collection, "query": query, **more}
        answer = await self.client.ask("POST", "/search", json=asked)
        return SearchAnswer.model_validate_json(answer.content)

    async def lookup(self, query: str) -> Lookup:
        answer = await self.client.ask("POST", "/lookup", json={"collection": self.collection, "query": query})
        return Lookup.model_validate_json(answer.content)

    async def finds(self, query: str, words: str, within_s: float = 5.0) -> SearchAnswer:
        """The answer once its first passage holds these words. Five seconds is what the platform promises."""

        async def look() -> SearchAnswer | None:
            answer = await self.search(query)
            return answer if answer.passages and words in answer.passages[0].text else None

        return await wait_for_async(look, within_s, f"{query!r} answered with {words!r}")


def settings_for(database_url: str, chroma_url: str, **changed: object) -> KnowledgeServiceSettings:
    fields: dict[str, object] = {
        "database_url": SecretStr(database_url),
        "chroma_url": chroma_url,
        "redis_url": SecretStr(NO_REDIS),
        "signing_key": SecretStr(SIGNING_KEY),
        "api_key_pepper": SecretStr("a pepper for the tests"),
        "knowledge_embeddings": "minilm",
        "knowledge_model_dir": MODELS,
        **changed,
    }
    return KnowledgeServiceSettings.model_validate(fields)


@asynccontextmanager
async def running(settings: KnowledgeServiceSettings, collection: str) -> AsyncIterator[Service]:
    """The service on a socket of its own."""
    async with (
        serving(make_app(settings)) as address,
        RoomClient(address, "knowledge", "test", TokenSigner(SIGNING_KEY), SystemClock(), deadline_s=20) as client,
    ):
        yield Service(client, collection, address)


@pytest.fixture
async def service(database_url: str, chroma_url: str, collection: str) -> AsyncIterator[Service]:
    async with running(settings_for(database_url, chroma_url), collection) as one:
        yield one
