"""Vectors in a Chroma server: searched by the service, written by the embedding worker.

We speak the server's HTTP API (v2) ourselves. The vendor's Python clients wait for ever (`timeout=None`), the
asynchronous one does not verify certificates unless told and shares connections between event loops; and no client of
ours may run a model that a server's configuration names. Only keys, article ids and versions are stored, never text.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx
import numpy as np
import orjson

from services.knowledge.application.ports import NoVectors, Vector, Vectors
from services.knowledge.domain.ranking import ChunkKey
from shared.errors import Transient

DATABASE = "/api/v2/tenants/default_tenant/databases/default_database"
HEARTBEAT = "/api/v2/heartbeat"
CONNECT_S = 0.5
SEARCH_S = 1.0
WRITE_S = 30.0
MOST_AT_ONCE = 1000
"""Keys or vectors of one request; the server takes 5,461."""
MOST_COLLECTIONS = 10_000
MOST_REMEMBERED = 10_000
"""Vectors kept by a searching process: 15 MB of MiniLM's."""
JSON = {"content-type": "application/json"}
HNSW = {"space": "cosine", "ef_construction": 200, "ef_search": 200, "max_neighbors": 32}
"""Twice the server's defaults: at 10,000 chunks the fifty nearest are then the true ones (docs/benchmarks.md)."""


class ChromaFailed(Transient):
    """Chroma did not answer in time, or refused."""


def space_name(collection: str, space: str) -> str:
    """The Chroma collection that holds the vectors of one space for one of our collections."""
    return f"{collection}.{space}"


def _read(response: httpx.Response) -> Any:
    """The answer's JSON. Raises NoVectors when there is no such collection, else ChromaFailed."""
    if response.status_code == httpx.codes.NOT_FOUND:
        raise NoVectors("Chroma has no such collection")
    if not response.is_success:
        raise ChromaFailed(f"Chroma answered {response.status_code}")
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError as error:
        raise ChromaFailed("Chroma's answer cannot be read") from error


def _timeout(seconds: float) -> httpx.Timeout:
    return httpx.Timeout(seconds, connect=min(seconds, CONNECT_S))


class ChromaSearch:
    """Searches the vectors of one space. Belongs to one event loop."""

    def __init__(self, base: str, space: str, deadline_s: float = SEARCH_S) -> None:
        self._space = space
        self._ids: dict[str, str] = {}
        self._remembered: OrderedDict[ChunkKey, Vector] = OrderedDict()
        """Vectors of chunks asked for by their words; a key names its version, so that none can become wrong."""
        self._http = httpx.AsyncClient(base_url=base, timeout=_timeout(deadline_s), headers=JSON, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def check(self) -> None:
        """Return when Chroma answers. Raises ChromaFailed."""
        await self._ask("GET", HEARTBEAT)

    async def likest(
        self, collection: str, question: Vector, most: int, also: Sequence[ChunkKey]
    ) -> dict[ChunkKey, float]:
        unknown = [key for key in also if key not in self._remembered]
        nearest, _ = await asyncio.gather(
            self._in(collection, "query", _nearest_to(question, most)), self._remember(collection, unknown)
        )
        cosines = {ChunkKey.parse(key): 1.0 - distance for key, distance in _flat(nearest)}
        for key in also:
            if (vector := self._remembered.get(key)) is not None:
                cosines[key] = float(vector @ question)
        return cosines

    async def _remember(self, collection: str, keys: Sequence[ChunkKey]) -> None:
        """Fetch the vectors of these chunks; those that have none yet are asked for again next time."""
        if not keys:
            return
        body: dict[str, object] = {"ids": [str(key) for key in keys], "include": ["embeddings"]}
        answer = await self._in(collection, "get", body)
        for key, numbers in zip(answer["ids"], answer["embeddings"], strict=True):
            self._remembered[ChunkKey.parse(key)] = np.asarray(numbers, dtype=np.float32)
        while len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    async def _in(self, collection: str, action: str, body: dict[str, object]) -> Any:
        """Ask within a collection. An id that Chroma no longer knows (it was set up anew) is looked up once more."""
        if (known := self._ids.get(collection)) is not None:
            try:
                return await self._ask("POST", f"{DATABASE}/collections/{known}/{action}", body)
            except NoVectors:
                self._ids.pop(collection, None)
        described = await self._ask("GET", f"{DATABASE}/collections/{space_name(collection, self._space)}")
        self._ids[collection] = described["id"]
        return await self._ask("POST", f"{DATABASE}/collections/{described['id']}/{action}", body)

    async def _ask(self, method: str, path: str, body: dict[str, object] | None = None) -> Any:
        content = None if body is None else orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
        try:
            response = await self._http.request(method, path, content=content)
        except httpx.HTTPError as error:
            raise ChromaFailed(f"Chroma does not answer ({type(error).__name__})") from error
        return _read(response)


def _nearest_to(question: Vector, most: int) -> dict[str, object]:
    return {"query_embeddings": [question], "n_results": most, "include": ["distances"]}


def _flat(answer: Any) -> Iterator[tuple[str, float]]:
    """Keys and distances of a query with one question."""
    return zip(answer["ids"][0], answer["distances"][0], strict=True)


class ChromaStore:
    """Writes the vectors of one space. For one thread."""

    def __init__(self, base: str, space: str, deadline_s: float = WRITE_S) -> None:
        self._space = space
        self._http = httpx.Client(base_url=base, timeout=_timeout(deadline_s), headers=JSON, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def known(self, collection: str, keys: Sequence[ChunkKey]) -> set[ChunkKey]:
        try:
            path = self._path(collection)
        except NoVectors:
            return set()
        found: set[ChunkKey] = set()
        for part in _parts(keys):
            answer = self._ask("POST", f"{path}/get", {"ids": [str(key) for key in part], "include": []})
            found.update(ChunkKey.parse(key) for key in answer["ids"])
        return found

    def put(self, collection: str, keys: Sequence[ChunkKey], vectors: Vectors) -> None:
        body = {"name": space_name(collection, self._space), "get_or_create": True, "configuration": {"hnsw": HNSW}}
        made = self._ask("POST", f"{DATABASE}/collections", body)
        path = f"{DATABASE}/collections/{made['id']}"
        for part in _parts(range(len(keys))):
            chosen = [keys[at] for at in part]
            rows = {
                "ids": [str(key) for key in chosen],
                "embeddings": vectors[part[0] : part[-1] + 1],
                "metadatas": [{"article_id": str(key.article_id), "version": key.version} for key in chosen],
            }
            self._ask("POST", f"{path}/upsert", rows)

    def forget(self, collection: str, article_id: UUID, up_to_version: int) -> None:
        where = {"$and": [{"article_id": {"$eq": str(article_id)}}, {"version": {"$lte": up_to_version}}]}
        for space_id in self._spaces_of(collection):
            self._ask("POST", f"{DATABASE}/collections/{space_id}/delete", {"where": where})

    def count(self, collection: str) -> int:
        try:
            return int(self._ask("GET", f"{self._path(collection)}/count"))
        except NoVectors:
            return 0

    def _spaces_of(self, collection: str) -> list[str]:
        """The ids of all Chroma collections of ours for this one, whatever model filled them."""
        listed = self._ask("GET", f"{DATABASE}/collections?limit={MOST_COLLECTIONS}")
        return [one["id"] for one in listed if one["name"].startswith(space_name(collection, ""))]

    def _path(self, collection: str) -> str:
        described = self._ask("GET", f"{DATABASE}/collections/{space_name(collection, self._space)}")
        return f"{DATABASE}/collections/{described['id']}"

    def _ask(self, method: str, path: str, body: dict[str, object] | None = None) -> Any:
        content = None if body is None else orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
        try:
            response = self._http.request(method, path, content=content)
        except httpx.HTTPError as error:
            raise ChromaFailed(f"Chroma does not answer ({type(error).__name__})") from error
        return _read(response)


def _parts(all_of_them: Sequence[Any]) -> Iterable[Any]:
    """Slices of at most MOST_AT_ONCE."""
    return (all_of_them[at : at + MOST_AT_ONCE] for at in range(0, len(all_of_them), MOST_AT_ONCE))
