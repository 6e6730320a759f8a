"""Vectors by OpenAI: in batches for the embedding worker, one at a time while a caller waits.

The SDK's own retries are off: the worker's task decides when to try again, and a question that has no vector in time is
answered from words alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import httpx2
import numpy as np
import openai
from openai import AsyncOpenAI, OpenAI
from openai.types import CreateEmbeddingResponse

from services.knowledge.adapters.embedding_choice import openai_space
from services.knowledge.application.ports import Calibration, Vector, Vectors
from shared.clients.openai_errors import error_of
from shared.errors import Transient
from shared.settings import OpenAISettings

BATCH = 128
"""Texts of one request. The longest passages make about 80,000 tokens then; the limit is 300,000."""
MOST_CHARACTERS = 8000
"""Of one text; the limit is 8,192 tokens, and a token is never shorter than a character of the scripts we know."""
IN_BACKGROUND = httpx2.Timeout(30.0, connect=5.0)
WHILE_CALLER_WAITS = httpx2.Timeout(0.8, connect=0.5)
WHAT = "the embedding request"
FAILURES = (openai.OpenAIError, ValueError)
"""What the SDK raises; ValueError when the answer is no JSON or its vectors no base64."""
CALIBRATION = Calibration(nothing=0.0, everything=0.85)
"""Their cosines of question and answer lie lower than MiniLM's. From published examples, not measured by us."""


def _key(settings: OpenAISettings) -> str:
    if settings.openai_api_key is None:
        raise ValueError("embeddings by OpenAI need OPENAI_API_KEY")
    return settings.openai_api_key.get_secret_value()


def _vectors(response: CreateEmbeddingResponse, expected: int) -> Vectors:
    """Rows in the order of the texts, of length one. Raises Transient when the answer is not what was asked for."""
    rows = sorted(response.data, key=lambda row: row.index)
    if len(rows) != expected or len({len(row.embedding) for row in rows}) != 1:
        raise Transient(f"{WHAT} was answered incompletely")
    vectors = np.array([row.embedding for row in rows], dtype=np.float32)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.isfinite(vectors).all() or not lengths.all():
        raise Transient(f"{WHAT} was answered with something that is no vector")
    return np.asarray(vectors / lengths, dtype=np.float32)


class OpenAITexts:
    """Embeds passages in the background."""

    def __init__(self, settings: OpenAISettings) -> None:
        self._model = settings.openai_embedding_model
        self.space = openai_space(self._model)
        self._client = OpenAI(
            api_key=_key(settings), base_url=settings.openai_base_url, timeout=IN_BACKGROUND, max_retries=0
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def embed(self, texts: Sequence[str]) -> Vectors:
        cut = [text[:MOST_CHARACTERS] for text in texts]
        parts = [self._ask(cut[at : at + BATCH]) for at in range(0, len(cut), BATCH)]
        return np.concatenate(parts)

    def _ask(self, texts: Sequence[str]) -> Vectors:
        try:
            response = self._client.embeddings.create(model=self._model, input=list(texts))
        except FAILURES as error:
            raise error_of(error, WHAT) from error
        return _vectors(response, len(texts))


class OpenAIQuestions:
    """Embeds a caller's question. Belongs to one event loop."""

    calibration = CALIBRATION

    def __init__(self, settings: OpenAISettings) -> None:
        self._model = settings.openai_embedding_model
        self.space = openai_space(self._model)
        self._client = AsyncOpenAI(
            api_key=_key(settings), base_url=settings.openai_base_url, timeout=WHILE_CALLER_WAITS, max_retries=0
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def embed_question(self, question: str) -> Vector:
        try:
            response = await self._client.embeddings.create(model=self._model, input=[question])
        except FAILURES as error:
            raise error_of(error, WHAT) from error
        return np.asarray(_vectors(response, 1)[0])
