"""The embedding worker's work: run twice, in the wrong order, at the same time, and cut short."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import func, select, update

from services.knowledge.adapters.chroma import ChromaStore
from services.knowledge.adapters.minilm import MiniLM
from services.knowledge.application.embed import BATCH, embed_article, forget_article
from services.knowledge.application.ingest import remove_article, store_article
from services.knowledge.application.mend import order_missing
from services.knowledge.application.ports import TextEmbedder, Vectors
from services.knowledge.domain.article import ArticleText
from services.knowledge.domain.chunking import cut
from services.knowledge.domain.ranking import ChunkKey
from shared.clock import SystemClock
from shared.contracts.knowledge import ArticleSource
from shared.contracts.tasks import TaskName
from shared.database.engine import Sessions
from shared.database.models import Article, Chunk, DeadLetter, OutboxRow
from shared.errors import Transient
from tests.integration.knowledge.conftest import Worker


@dataclass
class Counted:
    """The real model, with what it was asked, and an outage from a certain text on."""

    model: TextEmbedder
    asked: list[str] = field(default_factory=list)
    most: int = 10_000
    space: str = "counted-1"

    def embed(self, texts: Sequence[str]) -> Vectors:
        if len(self.asked) + len(texts) > self.most:
            raise Transient("the model is away")
        self.asked.extend(texts)
        return self.model.embed(texts)


def keep(sessions: Sessions, collection: str, body: str, name: str = "fee.md") -> tuple[UUID, int]:
    text = ArticleText(name, "en", "Late fee", body)
    with sessions.begin() as session:
        article = store_article(session, collection, ArticleSource.UPLOAD, cut(text)).article
        return article.id, article.version


def indexed(sessions: Sessions, article_id: UUID) -> int | None:
    with sessions() as session:
        return session.get_one(Article, article_id).indexed_version


def test_embedding_twice_changes_nothing(worker: Worker, collection: str) -> None:
    article_id, version = keep(worker.room.sessions, collection, "Five dollars.")
    assert worker.room.embed_article(article_id, version)
    assert not worker.room.embed_article(article_id, version)
    assert worker.room.store.count(collection) == 1
    assert indexed(worker.room.sessions, article_id) == version


def test_an_older_version_never_overwrites_a_newer(worker: Worker, collection: str) -> None:
    article_id, old = keep(worker.room.sessions, collection, "Five dollars.\n\n# Why\n\nBecause.")
    _, new = keep(worker.room.sessions, collection, "Nine dollars.")
    assert worker.room.embed_article(article_id, new)
    assert not worker.room.embed_article(article_id, old)
    assert indexed(worker.room.sessions, article_id) == new
    assert worker.room.store.known(collection, [ChunkKey(article_id, v, 0) for v in (old, new)]) == {
        ChunkKey(article_id, new, 0)
    }


def test_a_run_overtaken_by_a_newer_version_takes_its_vectors_away(worker: Worker, collection: str) -> None:
    room = worker.room
    article_id, old = keep(room.sessions, collection, "Five dollars.")
    newer: list[int] = []

    @dataclass
    class Slow:
        """Embeds the old text while somebody changes the article, and the change is embedded first."""

        space: str = room.embedder.space

        def embed(self, texts: Sequence[str]) -> Vectors:
            newer.append(keep(room.sessions, collection, "Nine dollars.")[1])
            assert room.embed_article(article_id, newer[-1])
            return room.embedder.embed(texts)

    assert not embed_article(room.sessions, Slow(), room.store, article_id, old)
    assert indexed(room.sessions, article_id) == newer[-1]
    assert room.store.count(collection) == 1


def test_runs_at_the_same_time_end_in_one_set_of_vectors(worker: Worker, collection: str, chroma_url: str) -> None:
    room = worker.room
    body = "\n\n".join(f"# Part {number}\n\nSome text about part {number}." for number in range(6))
    article_id, version = keep(room.sessions, collection, body)

    def run(_: int) -> bool:
        with ChromaStore(chroma_url, room.embedder.space) as store:
            return embed_article(room.sessions, room.embedder, store, article_id, version)

    with ThreadPoolExecutor(4) as threads:
        assert any(threads.map(run, range(4)))
    assert room.store.count(collection) == 6
    assert indexed(room.sessions, article_id) == version


def test_what_an_interrupted_run_has_stored_is_not_embedded_again(
    sessions: Sessions, collection: str, chroma_url: str, minilm: MiniLM
) -> None:
    parts = BATCH + 10
    body = "\n\n".join(f"# Part {number}\n\n{number} is a number." for number in range(parts))
    article_id, version = keep(sessions, collection, body)
    with ChromaStore(chroma_url, "counted-1") as store:
        tired = Counted(minilm, most=2 * BATCH + 1)
        with pytest.raises(Transient):
            embed_article(sessions, tired, store, article_id, version)
        assert store.count(collection) == BATCH
        assert indexed(sessions, article_id) is None
        rested = Counted(minilm)
        assert embed_article(sessions, rested, store, article_id, version)
        assert store.count(collection) == parts
        assert not {text for text in tired.asked if "\n" in text} & set(rested.asked)


WITNESS = """
import chromadb, json, sys
from chromadb.config import Settings
client = chromadb.HttpClient(sys.argv[1], int(sys.argv[2]), settings=Settings(anonymized_telemetry=False))
rows = client.get_collection(sys.argv[3], embedding_function=None).get(include=["embeddings", "metadatas", "documents"])
print(json.dumps({**rows, "embeddings": rows["embeddings"].tolist(), "included": None}))
"""


def as_the_vendor_sees_it(chroma_url: str, name: str) -> dict[str, Any]:
    """A collection's rows, through Chroma's own client (in a process of its own: it leaves connections open)."""
    host, _, port = chroma_url.removeprefix("http://").partition(":")
    command = [sys.executable, "-c", WITNESS, host, port, name]
    rows: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=30).stdout)
    return rows


def test_a_vector_is_the_mean_of_its_views(
    sessions: Sessions, collection: str, chroma_url: str, minilm: MiniLM
) -> None:
    article_id, version = keep(sessions, collection, "# When\n\nAfter two weeks.")
    counted = Counted(minilm)
    with ChromaStore(chroma_url, counted.space) as store:
        embed_article(sessions, counted, store, article_id, version)
    assert counted.asked == ["Late fee", "Late fee: When", "Late fee\nWhen\nAfter two weeks."]
    rows = as_the_vendor_sees_it(chroma_url, f"{collection}.counted-1")
    assert rows["ids"] == [f"{article_id}:{version}:0"]
    assert rows["metadatas"] == [{"article_id": str(article_id), "version": version}]
    assert not any(rows["documents"] or ()), "no text leaves PostgreSQL"
    mean = minilm.embed(counted.asked).mean(axis=0)
    assert np.allclose(rows["embeddings"][0], mean / np.linalg.norm(mean), atol=1e-3)


def test_a_removed_article_leaves_no_vector_in_any_space(
    sessions: Sessions, collection: str, chroma_url: str, minilm: MiniLM
) -> None:
    article_id, version = keep(sessions, collection, "Five dollars.")
    other_id, _ = keep(sessions, collection, "Other text.", name="other.md")
    spaces = [Counted(minilm, space=name) for name in ("counted-1", "counted-2")]
    with ChromaStore(chroma_url, "counted-1") as first, ChromaStore(chroma_url, "counted-2") as second:
        for one, store in zip(spaces, (first, second), strict=True):
            for about in (article_id, other_id):
                # the mark of the first model does not stop the second
                assert embed_article(sessions, one, store, about, version)
        with sessions.begin() as session:
            remove_article(session, article_id, SystemClock().now())
        with sessions() as session:
            assert session.get_one(Article, article_id).body == ""
            assert session.scalar(select(func.count()).where(Chunk.article_id == article_id)) == 0
        forget_article(sessions, first, article_id)
        assert [first.count(collection), second.count(collection)] == [1, 1]


def test_a_late_order_to_forget_does_not_hurt_an_article_that_came_back(worker: Worker, collection: str) -> None:
    room = worker.room
    article_id, version = keep(room.sessions, collection, "Five dollars.")
    room.embed_article(article_id, version)
    with room.sessions.begin() as session:
        remove_article(session, article_id, SystemClock().now())
    _, back = keep(room.sessions, collection, "Five dollars.")
    assert back == version + 1
    room.embed_article(article_id, back)
    room.forget_article(article_id)
    room.forget_article(uuid4())
    assert room.store.known(collection, [ChunkKey(article_id, back, 0)])
    assert room.store.count(collection) == 1


def age_orders(sessions: Sessions) -> None:
    """As if all orders had been written long ago and carried out."""
    with sessions.begin() as session:
        session.execute(
            update(OutboxRow).values(created_at=func.now() - func.make_interval(0, 0, 0, 1), sent_at=func.now())
        )


def orders(sessions: Sessions) -> list[tuple[str, int]]:
    with sessions() as session:
        rows = session.scalars(select(OutboxRow).where(OutboxRow.sent_at.is_(None)))
        return [(row.payload["article_id"], row.payload["version"]) for row in rows]


def test_after_a_lost_chroma_everything_is_ordered_again_once(worker: Worker, collection: str) -> None:
    room = worker.room
    first, version = keep(room.sessions, collection, "Five dollars.")
    second, _ = keep(room.sessions, collection, "Other text.", name="other.md")
    assert order_missing(room.sessions, room.store, room.embedder.space) == 0, "they were ordered a moment ago"
    worker.work_off()
    age_orders(room.sessions)
    assert order_missing(room.sessions, room.store, room.embedder.space) == 0, "nothing is missing"
    for article_id in (first, second):
        room.store.forget(collection, article_id, version)
    assert order_missing(room.sessions, room.store, room.embedder.space) == 2
    assert order_missing(room.sessions, room.store, room.embedder.space) == 0
    assert sorted(orders(room.sessions)) == sorted([(str(first), 1), (str(second), 1)])
    assert worker.work_off() == 2
    assert room.store.count(collection) == 2


def test_another_model_gets_vectors_of_its_own(
    worker: Worker, chroma_url: str, collection: str, minilm: MiniLM
) -> None:
    room = worker.room
    article_id, version = keep(room.sessions, collection, "Five dollars.")
    worker.work_off()
    age_orders(room.sessions)
    other = Counted(minilm, space="other-model-1")
    with ChromaStore(chroma_url, other.space) as store:
        assert order_missing(room.sessions, store, other.space) == 1
        assert embed_article(room.sessions, other, store, article_id, version)
        assert store.count(collection) == room.store.count(collection) == 1


def test_a_parked_order_waits_for_a_person(worker: Worker, collection: str) -> None:
    room = worker.room
    article_id, _ = keep(room.sessions, collection, "Five dollars.")
    age_orders(room.sessions)
    with room.sessions.begin() as session:
        session.add(
            DeadLetter(
                task_id=uuid4(),
                task=TaskName.EMBED_ARTICLE.value,
                queue="embedding",
                payload={"article_id": str(article_id), "version": 1},
                error="Permanent",
                reason="no such model",
            )
        )
    assert order_missing(room.sessions, room.store, room.embedder.space) == 0
    with room.sessions.begin() as session:
        session.execute(update(DeadLetter).values(replayed_at=func.now()))
    assert order_missing(room.sessions, room.store, room.embedder.space) == 1
