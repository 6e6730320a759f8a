"""Vectors by OpenAI's protocol: the SDK against the lab, and a collection that knows two models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from pydantic import SecretStr

from lab.openai.app import make_app
from lab.openai.faults import OpenAIFault, OpenAIFaultSetting
from lab.openai.stand_in import StandIn
from lab.wire.serving import served
from services.knowledge.adapters.chroma import ChromaStore
from services.knowledge.adapters.embedding_choice import MINILM_SPACE, EmbeddingSettings, openai_space
from services.knowledge.adapters.openai_embeddings import BATCH, OpenAIQuestions, OpenAITexts
from services.knowledge.application.ports import TextEmbedder
from services.knowledge.assembly import EmbeddingRoom
from shared.database.engine import Sessions
from shared.errors import CallwrightError, Permanent, Transient
from shared.settings import OpenAISettings, SettingsError, load
from tests.integration.knowledge.conftest import BILLING, ROUTER, Worker, running, settings_for


@asynccontextmanager
async def openai() -> AsyncIterator[tuple[StandIn, OpenAISettings]]:
    stand_in = StandIn()
    async with served(make_app(stand_in)) as address:
        yield stand_in, OpenAISettings(openai_api_key=SecretStr("sk-lab-knowledge"), openai_base_url=f"{address}/v1")


def fail(stand_in: StandIn, kind: OpenAIFault, **more: float) -> None:
    stand_in.faults.replace([OpenAIFaultSetting(kind=kind, where="* /v1/embeddings *", **more)])


async def test_texts_keep_their_order_over_batches() -> None:
    async with openai() as (stand_in, settings):
        texts = [f"passage number {number} about routers" for number in range(BATCH + 5)]
        with OpenAITexts(settings) as embedder:
            vectors = await asyncio.to_thread(embedder.embed, texts)
        assert vectors.shape == (len(texts), 1536)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
        assert [asked.status for asked in stand_in.asked] == [200, 200]
        async with OpenAIQuestions(settings) as questions:
            for at in (0, BATCH - 1, BATCH, BATCH + 4):
                assert float(await questions.embed_question(texts[at]) @ vectors[at]) > 0.999


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (OpenAIFault.REFUSE, Transient),
        (OpenAIFault.RATE_LIMITED, Transient),
        (OpenAIFault.OVERLOADED, Transient),
        (OpenAIFault.GARBAGE_JSON, CallwrightError),
        (OpenAIFault.WRONG_KEY, Permanent),
        (OpenAIFault.OUT_OF_CREDIT, Permanent),
        (OpenAIFault.MODEL_NOT_FOUND, Permanent),
    ],
)
async def test_every_failure_says_whether_trying_again_is_right(
    fault: OpenAIFault, error: type[CallwrightError]
) -> None:
    async with openai() as (stand_in, settings):
        fail(stand_in, fault)
        with OpenAITexts(settings) as texts, pytest.raises(error):
            await asyncio.to_thread(texts.embed, ["text"])
        async with OpenAIQuestions(settings) as questions:
            with pytest.raises(error):
                await questions.embed_question("question")
        assert len(stand_in.asked) <= 2, "the SDK's own retries are off"


async def test_a_model_that_hangs_costs_a_caller_less_than_a_second(
    database_url: str, chroma_url: str, collection: str
) -> None:
    async with openai() as (stand_in, settings):
        changed = {
            "knowledge_embeddings": "auto",
            "openai_api_key": settings.openai_api_key,
            "openai_base_url": settings.openai_base_url,
        }
        async with running(settings_for(database_url, chroma_url, **changed), collection) as service:
            await service.upload("restart-router.md", ROUTER)
            await service.finds("restart the router", "Unplug")
            fail(stand_in, OpenAIFault.HANG)
            began = asyncio.get_running_loop().time()
            answer = await service.search("restart the router")
            assert answer.lexical_only
            assert asyncio.get_running_loop().time() - began < 1.5


async def test_two_models_live_side_by_side(
    database_url: str, chroma_url: str, collection: str, sessions: Sessions, worker: Worker
) -> None:
    async with openai() as (_, settings):
        changed = {
            "knowledge_embeddings": "openai",
            "openai_api_key": settings.openai_api_key,
            "openai_base_url": settings.openai_base_url,
        }
        async with running(settings_for(database_url, chroma_url), collection) as by_minilm:
            await by_minilm.upload("restart-router.md", ROUTER)
            receipt = await by_minilm.upload("bill.md", BILLING)
            await asyncio.to_thread(worker.work_off)
            assert not (await by_minilm.finds("restart the router", "Unplug")).lexical_only
            async with running(settings_for(database_url, chroma_url, **changed), collection) as by_openai:
                assert not (await by_openai.article(receipt.article.id)).searchable
                assert (await by_openai.search("restart the router")).lexical_only
                with (
                    OpenAITexts(settings) as texts,
                    ChromaStore(chroma_url, openai_space(settings.openai_embedding_model)) as store,
                ):
                    await asyncio.to_thread(_embed_all, sessions, texts, store, worker)
                assert (await by_openai.article(receipt.article.id)).searchable
                answer = await by_openai.search("change the date of my bill")
                assert not answer.lexical_only
                assert answer.passages[0].title == "Change the date of your bill"
            still = await by_minilm.search("change the date of my bill")
            assert not still.lexical_only, "the old model's vectors are still there"


def _embed_all(sessions: Sessions, texts: TextEmbedder, store: ChromaStore, worker: Worker) -> None:
    room = EmbeddingRoom(sessions, texts, store)
    for article_id, version in worker.articles():
        assert room.embed_article(article_id, version)


def test_the_model_follows_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(**environment: str) -> EmbeddingSettings:
        for name in ("OPENAI_API_KEY", "KNOWLEDGE_EMBEDDINGS"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"CHROMA_URL": "http://127.0.0.1:8000", **environment}.items():
            monkeypatch.setenv(name, value)
        return load(EmbeddingSettings, environment)

    assert chosen().space == MINILM_SPACE
    assert chosen(OPENAI_API_KEY="sk-x").space == "text-embedding-3-small-1"
    assert chosen(OPENAI_API_KEY="sk-x", KNOWLEDGE_EMBEDDINGS="minilm").space == MINILM_SPACE
    with pytest.raises(SettingsError, match=r"^KNOWLEDGE_EMBEDDINGS=openai needs OPENAI_API_KEY"):
        chosen(KNOWLEDGE_EMBEDDINGS="openai")
    assert openai_space("Nomic/Embed.Text:v1") == "nomic-embed-text-v1-1"
