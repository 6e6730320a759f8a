"""Tasks of the queue `embedding`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from celery import shared_task

from services.knowledge.adapters.embedding_choice import EmbeddingSettings
from services.knowledge.assembly import EmbeddingRoom, embedding_room
from services.workers.of_this_process import OfThisProcess
from services.workers.stores import open_sessions
from shared.contracts.tasks import TaskName
from shared.settings import DatabaseSettings, load


class Settings(DatabaseSettings, EmbeddingSettings):
    """What the tasks need."""


@contextmanager
def _open() -> Iterator[EmbeddingRoom]:
    settings = load(Settings)
    with open_sessions(settings) as sessions, embedding_room(settings, sessions) as room:
        yield room


room = OfThisProcess(_open)


@shared_task(name=TaskName.EMBED_ARTICLE.value)
def embed_article(article_id: str, version: int) -> None:
    """Give this version of the article its vectors."""
    room().embed_article(UUID(article_id), version)


@shared_task(name=TaskName.FORGET_ARTICLE.value)
def forget_article(article_id: str) -> None:
    """Drop a removed article's vectors."""
    room().forget_article(UUID(article_id))
