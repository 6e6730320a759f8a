"""`python -m tests.bench.knowledge_latency`: the time of a search at 10,000 chunks, and how fast texts become vectors.

Takes the open help centre and the open bank when the data sets lie beside the checkout, and fills up with articles
whose sentences are drawn from them (or from a small vocabulary of ours). Every search is an HTTP request with a service
token.
"""

# ruff: noqa: T201  (a report on standard output)

from __future__ import annotations

import asyncio
import json
import random
import re
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
from sqlalchemy import func, select

from services.knowledge.adapters.chroma import DATABASE, ChromaSearch, space_name
from shared.contracts.knowledge import SearchRequest
from shared.database.models import Chunk
from shared.observability.logs import configure
from tests.bench.knowledge_stage import DATA, Stage, stage

CHUNKS = 10_000
SEARCHES = 1000
AT_ONCE = 4
COLLECTION = "latency"
WORDS = (
    "router",
    "light",
    "cable",
    "bill",
    "refund",
    "engineer",
    "password",
    "signal",
    "contract",
    "fee",
    "visit",
    "outage",
)


def real_files() -> Iterator[tuple[str, bytes]]:
    """Articles of the open data sets, when they are there."""
    for name in ("kb_arduino", "kb_tau2_banking"):
        for path in sorted((DATA / name / "articles").glob("*.md")):
            yield f"{name}-{re.sub(r'[^a-z0-9]+', '-', path.stem.lower())[:120]}.md", path.read_bytes()


def made_files(sentences: list[str]) -> Iterator[tuple[str, bytes]]:
    """Articles without end, of sentences in a random order."""
    chance = random.Random(1)
    for number in range(CHUNKS):
        title = " ".join(chance.choice(sentences).split()[:8])
        parts = (f"## Part {part}\n\n{' '.join(chance.sample(sentences, 6))}" for part in range(1, 9))
        yield f"made-{number}.md", (f"# {title}\n\n" + "\n\n".join(parts)).encode()


def sentences_of(files: list[tuple[str, bytes]]) -> list[str]:
    """Sentences to draw from."""
    text = " ".join(data.decode() for _, data in files)
    found = [part.strip() for part in re.split(r"(?<=[.!?])\s+", re.sub(r"[#*|>`\[\]()_-]+", " ", text))]
    usable = [part for part in found if 40 < len(part) < 160]
    chance = random.Random(2)
    return usable or [" ".join(chance.choices(WORDS, k=10)) + "." for _ in range(2000)]


def chunks(on: Stage) -> int:
    """How many there are."""
    with on.room.sessions() as session:
        return session.scalar(select(func.count()).select_from(Chunk)) or 0


def fill(on: Stage) -> None:
    """Upload until there are enough chunks, then embed them."""
    real = list(real_files())
    began = time.perf_counter()
    for name, data in real:
        on.upload(COLLECTION, name, data)
    made = made_files(sentences_of(real))
    while (there := chunks(on)) < CHUNKS:
        for _ in range(max(1, (CHUNKS - there) // 8)):
            on.upload(COLLECTION, *next(made))
    uploaded = time.perf_counter()
    articles = on.work_off()
    took = time.perf_counter() - uploaded
    print(f"{there} chunks of {articles} articles: uploaded in {uploaded - began:.0f} s,", end=" ")
    print(f"embedded in {took:.0f} s by one process ({there / took:.0f} chunks/s)")


def questions() -> list[str]:
    """What is asked."""
    path = DATA / "kb_arduino" / "questions.jsonl"
    if path.exists():
        return [json.loads(line)["question"] for line in path.read_text(encoding="utf-8").splitlines()]
    return [f"how do I change the {one} of my {other}" for one in WORDS for other in WORDS]


def report(name: str, seconds: list[float]) -> None:
    """One line of percentiles, in milliseconds."""
    at = statistics.quantiles(seconds, n=100)
    print(f"{name:42} p50 {at[49] * 1000:5.1f}  p95 {at[94] * 1000:5.1f}  p99 {at[98] * 1000:5.1f} ms")


def one_after_the_other(on: Stage, asked: list[str]) -> None:
    """One caller at a time."""
    took = []
    for number in range(SEARCHES):
        began = time.perf_counter()
        on.search(COLLECTION, asked[number % len(asked)])
        took.append(time.perf_counter() - began)
    report(f"{SEARCHES} searches, one after the other", took)


async def several_at_once(on: Stage, asked: list[str]) -> None:
    """Callers who ask again as soon as they have their answer."""
    took: list[float] = []
    async with httpx.AsyncClient(base_url=on.address, headers=on.headers(), timeout=30) as http:

        async def caller(first: int) -> None:
            for number in range(first, SEARCHES, AT_ONCE):
                request = SearchRequest(collection=COLLECTION, query=asked[number % len(asked)])
                began = time.perf_counter()
                (await http.post("/search", json=request.model_dump())).raise_for_status()
                took.append(time.perf_counter() - began)

        await asyncio.gather(*(caller(first) for first in range(AT_ONCE)))
    report(f"{SEARCHES} searches, {AT_ONCE} at any time", took)


async def nearest_found(on: Stage, asked: list[str]) -> None:
    """The share of the truly nearest chunks among those that Chroma's index gives."""
    space = on.room.embedder.space
    async with httpx.AsyncClient(base_url=on.chroma_url, timeout=120) as http:
        described = (await http.get(f"{DATABASE}/collections/{space_name(COLLECTION, space)}")).json()
        rows = (
            await http.post(f"{DATABASE}/collections/{described['id']}/get", json={"include": ["embeddings"]})
        ).json()
    vectors, keys = np.array(rows["embeddings"], dtype=np.float32), rows["ids"]
    shares = []
    async with ChromaSearch(on.chroma_url, space) as chroma:
        for vector in on.room.embedder.embed(asked[:100]):
            true = {keys[at] for at in np.argsort(-(vectors @ vector))[:50]}
            given = await chroma.likest(COLLECTION, vector, 50, [])
            shares.append(len(true & {str(key) for key in given}) / 50)
    print(f"of the 50 nearest chunks Chroma finds {statistics.mean(shares):.3f} (worst question {min(shares):.2f})")


def memory(on: Stage) -> None:
    """What the service holds."""
    status = Path(f"/proc/{on.service_pid}/status").read_text(encoding="ascii")
    print("service:", " ".join(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()))


def parts(on: Stage) -> None:
    """Where the time goes, by the service's own histogram."""
    text = on.http.get("/metrics").text
    for part in ("words", "embedding", "vectors", "record", "total"):
        values = dict(re.findall(rf'callwright_knowledge_seconds_(sum|count){{part="{part}"}} ([0-9.e+-]+)', text))
        print(f"  {part:10} mean {1000 * float(values['sum']) / float(values['count']):5.1f} ms")


def main() -> None:
    """Measure and print."""
    configure("bench", "warning")
    with stage() as on:
        memory(on)
        fill(on)
        asked = questions()
        for question in asked[:50]:
            on.search(COLLECTION, question)
        one_after_the_other(on, asked)
        asyncio.run(several_at_once(on, asked))
        parts(on)
        asyncio.run(nearest_found(on, asked))
        memory(on)


if __name__ == "__main__":
    main()
