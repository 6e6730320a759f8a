"""What the knowledge service must be told."""

from __future__ import annotations

from services.knowledge.adapters.embedding_choice import EmbeddingSettings
from shared.settings import DatabaseSettings, RedisSettings, SigningSettings
from shared.web.app import ServerSettings


class KnowledgeServiceSettings(ServerSettings, DatabaseSettings, RedisSettings, SigningSettings, EmbeddingSettings):
    """Everything `python -m services.knowledge` reads."""
