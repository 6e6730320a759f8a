"""Large files are read in a process of their own, which can be ended and knows nothing."""

from __future__ import annotations

import asyncio
import time

import pytest

from services.knowledge.adapters.reading import SMALL, FileReader, _bare_environment
from shared.errors import Invalid, Transient
from tests.integration.knowledge.conftest import Service

PARAGRAPH = "The router has a small light on its front, which tells you what it is doing at the moment.\n\n"
LARGE = "# A long story\n\n" + "".join(f"## Part {part}\n\n{PARAGRAPH * 20}" for part in range(400))
SLOW = "![a" * 400_000
"""Markdown that takes minutes."""


async def test_a_large_file_is_read_like_a_small_one(service: Service) -> None:
    assert len(LARGE) > 10 * SMALL
    receipt = await service.upload("long.md", LARGE)
    assert receipt.article.title == "A long story"
    answer = await service.finds("what does the small light on the front tell me", "what it is doing")
    assert answer.passages[0].heading.startswith("Part ")


async def test_large_and_small_files_are_refused_alike() -> None:
    reader = FileReader()
    for filler in ("", " " * SMALL):
        with pytest.raises(Invalid, match=r"a\.md: it has no visible text"):
            await reader.read("a.md", f"<!-- nothing -->{filler}".encode(), "en")
        with pytest.raises(Invalid, match="send Markdown"):
            await reader.read("a.exe", f"x{filler}".encode(), "en")


async def test_a_file_that_takes_too_long_is_ended_and_the_next_one_read() -> None:
    reader = FileReader(longest_s=2.0)
    began = time.perf_counter()
    slow = asyncio.create_task(reader.read("slow.md", SLOW.encode(), "en"))
    with pytest.raises(Invalid, match="split it"):
        await slow
    assert time.perf_counter() - began < 5
    article = await reader.read("long.md", (PARAGRAPH * 1000).encode(), "en")
    assert len(article.passages) > 50


async def test_nobody_waits_for_ever_behind_a_large_file() -> None:
    reader = FileReader(longest_s=1.5)
    outcomes = await asyncio.gather(
        *(reader.read("slow.md", SLOW.encode(), "en") for _ in range(3)), return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes} <= {Invalid, Transient}
    assert Transient in {type(outcome) for outcome in outcomes}


def test_the_process_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@host/name")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert "secret" not in " ".join(_bare_environment().values())


async def test_searches_stay_quick_while_a_large_file_is_read(service: Service) -> None:
    await service.upload("small.md", "# Restart\n\nUnplug the router.")
    await service.finds("restart the router", "Unplug")
    upload = asyncio.create_task(service.upload("long.md", LARGE * 3))
    took = []
    while not upload.done():
        began = time.perf_counter()
        await service.search("restart the router")
        took.append(time.perf_counter() - began)
    await upload
    assert len(took) > 5
    assert sorted(took)[len(took) // 2] < 0.2
