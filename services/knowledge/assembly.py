"""Puts the room together for a worker process, after its fork. Nothing here imports the web side."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from uuid import UUID

from services.knowledge.adapters.chroma import ChromaStore
from services.knowledge.adapters.embedding_choice import EmbeddingSettings
from services.knowledge.adapters.kayako_articles import KayakoArticles
from services.knowledge.application import embed, mend, sync
from services.knowledge.application.ports import HelpCentre, TextEmbedder, VectorStore
from services.knowledge.application.sync import SyncReport
from shared.clients.kayako import KayakoClient
from shared.clients.kayako_known import known_capabilities
from shared.clock import Clock
from shared.database.engine import Sessions
from shared.errors import Transient
from shared.observability.logs import get_logger
from shared.settings import KayakoSettings

log = get_logger(__name__)


class ImportSettings(EmbeddingSettings, KayakoSettings):
    """What following the help centre needs besides the database."""


@dataclass(frozen=True, slots=True)
class EmbeddingRoom:
    """What the embedding worker calls."""

    sessions: Sessions
    embedder: TextEmbedder
    store: VectorStore

    def embed_article(self, article_id: UUID, version: int) -> bool:
        """Give this version its vectors; see `application.embed`."""
        return embed.embed_article(self.sessions, self.embedder, self.store, article_id, version)

    def forget_article(self, article_id: UUID) -> None:
        """Drop a removed article's vectors; see `application.embed`."""
        embed.forget_article(self.sessions, self.store, article_id)


@contextmanager
def embedding_room(settings: EmbeddingSettings, sessions: Sessions) -> Iterator[EmbeddingRoom]:
    """The model of the settings, loaded, and a connection to Chroma."""
    with ExitStack() as stack:
        embedder = stack.enter_context(_text_embedder(settings))
        store = stack.enter_context(ChromaStore(settings.chroma_url, embedder.space))
        yield EmbeddingRoom(sessions, embedder, store)


@contextmanager
def _text_embedder(settings: EmbeddingSettings) -> Iterator[TextEmbedder]:
    """Only the model in use is imported: each takes a second."""
    if settings.uses_openai:
        from services.knowledge.adapters.openai_embeddings import OpenAITexts  # noqa: PLC0415

        with OpenAITexts(settings) as texts:
            yield texts
    else:
        from services.knowledge.adapters.minilm import MiniLM  # noqa: PLC0415

        yield MiniLM(settings.knowledge_model_dir)


@dataclass(frozen=True, slots=True)
class ImportRoom:
    """What the maintenance worker calls."""

    sessions: Sessions
    centre: HelpCentre
    store: VectorStore
    space: str
    clock: Clock

    def sync_articles(self, collection: str) -> SyncReport:
        """Order missing vectors, then make the collection's imported articles those of the help centre.

        Raises IncompletePass and the errors of the Kayako client; a Chroma that is away only waits for the next run.
        """
        try:
            mend.order_missing(self.sessions, self.store, self.space)
        except Transient as error:
            log.warning("vectors_unchecked", error=type(error).__name__)
        return sync.sync_articles(self.sessions, self.centre, collection, self.clock)


@contextmanager
def import_room(settings: ImportSettings, sessions: Sessions, clock: Clock) -> Iterator[ImportRoom]:
    """A connection to Kayako and one to Chroma; no model is loaded."""
    with ExitStack() as stack:
        known = known_capabilities(sessions, settings.kayako_url)
        client = stack.enter_context(KayakoClient(settings, clock, known))
        store = stack.enter_context(ChromaStore(settings.chroma_url, settings.space))
        yield ImportRoom(sessions, KayakoArticles(client), store, settings.space, clock)
