"""The lexical side of a search: an index per collection in this process's memory, following PostgreSQL.

Every change of a collection's text raises its version in the same transaction. Once a second the versions are compared,
and where one has grown only the changed articles are read again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select

from services.knowledge.adapters.lexical_index import Answer, Entry, LexicalIndex, entry
from services.knowledge.domain.ranking import ChunkKey
from services.knowledge.domain.words import language_of
from shared.database.engine import AsyncSessions
from shared.database.models import Article, Chunk, Collection
from shared.database.transactions import DatabaseAway, transaction
from shared.errors import Transient
from shared.observability.logs import get_logger

log = get_logger(__name__)

LOOK_EVERY_S = 1.0
AT_ONCE = 100
"""Articles read and cut into words at once."""
BREATH = 200
"""Chunks taken in before callers' questions get a turn: about ten milliseconds."""
MOST_CHUNKS = 200_000
"""Of all collections together, about a gigabyte; above it the collection that was not asked for longest is dropped."""
MOST_COLLECTIONS = 1000
"""Names asked for, whether there is such a collection or not."""
PATIENCE_S = 20.0
"""For the first reading of a collection that nobody has asked for yet."""


class NotReadYet(Transient):
    """Reading the collection's text for the first time takes too long."""


@dataclass(slots=True)
class _Shelf:
    """One collection in memory."""

    version: int = -1
    index: LexicalIndex = field(default_factory=LexicalIndex)
    chunks: dict[UUID, tuple[int, list[ChunkKey]]] = field(default_factory=dict)
    """By article: the version that is in the index, and its chunks."""
    languages: dict[UUID, str] = field(default_factory=dict)
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


class Lexical:
    """Implements `LexicalSearch`. Belongs to one event loop."""

    def __init__(self, sessions: AsyncSessions, most_chunks: int = MOST_CHUNKS) -> None:
        self._sessions = sessions
        self._most_chunks = most_chunks
        self._shelves: OrderedDict[str, _Shelf] = OrderedDict()
        self._seen: set[str] = set()
        """Collections of the record that were once in memory or did not fit: read again only when somebody asks."""

    @property
    def collections(self) -> list[str]:
        """Those in memory, the one asked for last at the end."""
        return list(self._shelves)

    async def ask(self, collection: str, question: str) -> Answer:
        shelf = self._shelves.get(collection)
        if shelf is None or shelf.version < 0:
            shelf = await self._first_reading(collection)
        self._shelves.move_to_end(collection)
        return shelf.index.ask(question, set(shelf.languages.values()))

    async def follow(self) -> None:
        """Keep every collection in memory up to date, and read new ones before they are asked. Runs until cancelled."""
        while True:
            try:
                await self.catch_up()
            except DatabaseAway as error:
                log.warning("record_away", error=type(error).__name__)
            await asyncio.sleep(LOOK_EVERY_S)

    async def catch_up(self) -> None:
        """Read what has changed since the last time, and what is there for the first time. Raises DatabaseAway."""
        async with transaction(self._sessions) as session:
            rows = (await session.execute(select(Collection.name, Collection.version))).all()
        for name, version in rows:
            shelf = self._shelves.get(name)
            if shelf is None and name not in self._seen and self._size() < self._most_chunks:
                shelf = self._shelves.setdefault(name, _Shelf())
            self._seen.add(name)
            if shelf is not None and shelf.version < version:
                await self._bring_up(name, shelf)

    def _size(self) -> int:
        return sum(len(shelf.index) for shelf in self._shelves.values())

    async def _first_reading(self, collection: str) -> _Shelf:
        shelf = self._shelves.setdefault(collection, _Shelf())
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._bring_up(collection, shelf)
        except TimeoutError as error:
            raise NotReadYet("the collection is being read; ask again in a moment") from error
        return shelf

    async def _bring_up(self, collection: str, shelf: _Shelf) -> None:
        """Make the shelf what the record says. The version is read first: what changes meanwhile is seen next time."""
        async with shelf.reading:
            async with transaction(self._sessions) as session:
                version = await session.scalar(select(Collection.version).where(Collection.name == collection))
                if version is None:
                    version = 0
                if version == shelf.version:
                    return
                present = select(Article.id, Article.version).where(
                    Article.collection == collection, Article.removed_at.is_(None)
                )
                articles = {row.id: row.version for row in await session.execute(present)}
            known = {article_id: seen for article_id, (seen, _) in shelf.chunks.items()}
            self._drop(shelf, [gone for gone in known if gone not in articles])
            changed = [article_id for article_id, now in articles.items() if known.get(article_id) != now]
            for at in range(0, len(changed), AT_ONCE):
                await self._take_in(shelf, changed[at : at + AT_ONCE])
            if shelf.index.is_wasteful:
                shelf.index = await asyncio.to_thread(shelf.index.packed)
            shelf.version = version
        self._make_room(collection)

    async def _take_in(self, shelf: _Shelf, articles: Sequence[UUID]) -> None:
        statement = (
            select(Article.id, Article.version, Article.locale, Article.title, Article.section, Article.keywords)
            .add_columns(Chunk.position, Chunk.heading, Chunk.text)
            .join(Chunk, (Chunk.article_id == Article.id) & (Chunk.version == Article.version))
            .where(Article.id.in_(articles), Article.removed_at.is_(None))
        )
        async with transaction(self._sessions) as session:
            rows = [_Row(*row) for row in await session.execute(statement)]
        entries = await asyncio.to_thread(_entries, rows)
        self._drop(shelf, articles)
        for row in rows:
            _, keys = shelf.chunks.setdefault(row.article_id, (row.version, []))
            keys.append(ChunkKey(row.article_id, row.version, row.position))
            shelf.languages[row.article_id] = language_of(row.locale)
        for at in range(0, len(entries), BREATH):
            shelf.index.add(entries[at : at + BREATH])
            await asyncio.sleep(0)

    def _drop(self, shelf: _Shelf, articles: Iterable[UUID]) -> None:
        for article_id in articles:
            _, keys = shelf.chunks.pop(article_id, (0, []))
            shelf.languages.pop(article_id, None)
            shelf.index.remove(keys)

    def _make_room(self, wanted: str) -> None:
        """Drop the collections asked for longest ago until the rest fits; they are read again when asked for."""
        for name in list(self._shelves):
            if self._size() <= self._most_chunks and len(self._shelves) <= MOST_COLLECTIONS:
                return
            if name != wanted and (chunks := len(self._shelves.pop(name).index)):
                self._seen.add(name)
                log.info("collection_dropped", collection=name, chunks=chunks)


class _Row(NamedTuple):
    """A chunk with what its article says about it."""

    article_id: UUID
    version: int
    locale: str
    title: str
    section: str | None
    keywords: str | None
    position: int
    heading: str
    text: str


def _entries(rows: Sequence[_Row]) -> list[Entry]:
    return [
        entry(
            ChunkKey(row.article_id, row.version, row.position),
            prominent=(row.title, row.heading),
            ordinary=(row.section or "", row.keywords or "", row.text),
            language=language_of(row.locale),
        )
        for row in rows
    ]
