"""Which model makes the vectors, and what its space is called; nothing heavy is imported to know that."""

from __future__ import annotations

import re
from typing import Self

from pydantic import model_validator

from services.knowledge.domain.passage_text import RECIPE
from shared.settings import ChromaSettings, KnowledgeSettings, OpenAISettings

MINILM_SPACE = f"all-minilm-l6-v2-int8-{RECIPE}"


class EmbeddingSettings(ChromaSettings, OpenAISettings, KnowledgeSettings):
    """What making and comparing vectors needs."""

    @model_validator(mode="after")
    def _has_its_key(self) -> Self:
        if self.knowledge_embeddings == "openai" and self.openai_api_key is None:
            raise ValueError("KNOWLEDGE_EMBEDDINGS=openai needs OPENAI_API_KEY; set it, or take auto or minilm")
        return self

    @property
    def uses_openai(self) -> bool:
        """Whether OpenAI makes the vectors, and not MiniLM on this machine."""
        wanted = self.knowledge_embeddings
        return wanted == "openai" or (wanted == "auto" and self.openai_api_key is not None)

    @property
    def space(self) -> str:
        """The space of the vectors that count with these settings."""
        return openai_space(self.openai_embedding_model) if self.uses_openai else MINILM_SPACE


def openai_space(model: str) -> str:
    """The name of a model's vectors; names of self-hosted models may hold anything."""
    return f"{re.sub(r'[^a-z0-9]+', '-', model.lower()).strip('-')}-{RECIPE}"
