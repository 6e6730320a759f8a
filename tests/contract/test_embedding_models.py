"""What every embedding model promises, whoever makes the vectors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from lab.openai.app import make_app
from lab.wire.serving import served
from services.knowledge.adapters.minilm import MiniLM
from services.knowledge.adapters.openai_embeddings import OpenAIQuestions, OpenAITexts
from services.knowledge.application.ports import QuestionEmbedder, TextEmbedder
from shared.settings import OpenAISettings

MODELS = Path(__file__).resolve().parents[2] / ".local" / "models"
TEXTS = [
    "Restart your router by unplugging the power cable.",
    "Change the date of your bill in the account settings.",
    "x",
    "Ünïcödé, 再起動 and \u202eother\u202c signs",
    "word " * 3000,
]


@dataclass
class Model:
    """Both sides of one model."""

    texts: TextEmbedder
    questions: QuestionEmbedder


@asynccontextmanager
async def _minilm() -> AsyncIterator[Model]:
    model = await asyncio.to_thread(MiniLM, MODELS)
    yield Model(model, model)


@asynccontextmanager
async def _openai() -> AsyncIterator[Model]:
    async with served(make_app()) as address:
        settings = OpenAISettings(openai_api_key=SecretStr("sk-lab"), openai_base_url=f"{address}/v1")
        with OpenAITexts(settings) as texts:
            async with OpenAIQuestions(settings) as questions:
                yield Model(texts, questions)


@pytest.fixture(params=[_minilm, _openai], ids=["minilm", "openai"])
async def model(request: pytest.FixtureRequest) -> AsyncIterator[Model]:
    async with request.param() as one:
        yield one


async def test_every_text_has_one_vector_of_length_one_in_its_place(model: Model) -> None:
    together = await asyncio.to_thread(model.texts.embed, TEXTS)
    assert together.dtype == np.float32
    assert together.shape[0] == len(TEXTS)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-4)
    turned = await asyncio.to_thread(model.texts.embed, TEXTS[::-1])
    assert np.allclose(together, turned[::-1], atol=1e-5), "a vector does not depend on its neighbours"


async def test_questions_and_texts_share_a_space(model: Model) -> None:
    assert model.texts.space == model.questions.space
    vectors = await asyncio.to_thread(model.texts.embed, TEXTS[:2])
    same = await model.questions.embed_question(TEXTS[0])
    assert float(same @ vectors[0]) > 0.999
    router, bill = vectors @ await model.questions.embed_question("how do I restart the router")
    assert router > bill
    likeness = model.questions.calibration.likeness
    assert 0 <= likeness(float(bill)) < likeness(float(router)) <= 1


async def test_a_space_can_name_a_collection(model: Model) -> None:
    assert model.texts.space
    assert set(model.texts.space) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
