"""What a caller still gets when a part of the search is away."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from lab.stack.ports import free_ports
from services.knowledge.adapters.chroma import DATABASE, ChromaStore, space_name
from shared.errors import Transient
from tests.integration.knowledge.conftest import BILLING, ROUTER, Service, Worker, running, settings_for
from tests.silent_server import silent_server


async def check_words_alone_answer(service: Service) -> None:
    answer = await service.finds("restart the router", "Unplug")
    assert answer.found
    assert answer.lexical_only
    assert not (await service.search("what is the capital of Mongolia")).found


async def test_without_chroma_words_alone_answer(database_url: str, collection: str, minilm: object) -> None:
    assert minilm
    (closed,) = free_ports(1)
    async with running(settings_for(database_url, f"http://127.0.0.1:{closed}"), collection) as service:
        await service.upload("restart-router.md", ROUTER)
        await check_words_alone_answer(service)


async def test_a_chroma_that_never_answers_costs_a_moment_and_then_nothing(
    database_url: str, collection: str, minilm: object
) -> None:
    assert minilm
    async with (
        silent_server() as chroma,
        running(settings_for(database_url, f"http://{chroma}"), collection) as service,
    ):
        await service.upload("restart-router.md", ROUTER)
        took = []
        for _ in range(5):
            began = time.perf_counter()
            answer = await service.search("restart the router")
            took.append(time.perf_counter() - began)
            assert answer.lexical_only
        assert max(took) < 2.5, "what a caller may have to wait"
        assert took[4] < 0.5, "after three failures it is left alone"


async def test_a_chroma_set_up_anew_is_found_again(service: Service, worker: Worker, chroma_url: str) -> None:
    await service.upload("restart-router.md", ROUTER)
    worker.work_off()
    assert not (await service.finds("restart the router", "Unplug")).lexical_only
    name = space_name(service.collection, worker.room.embedder.space)
    async with httpx.AsyncClient(base_url=chroma_url) as chroma:
        (await chroma.delete(f"{DATABASE}/collections/{name}")).raise_for_status()
    assert (await service.search("restart the router")).lexical_only
    await service.upload("billing-date.md", BILLING)
    worker.work_off()
    assert not (await service.search("which day is my bill")).lexical_only


async def test_without_the_record_there_is_an_error_and_no_old_text(chroma_url: str, minilm: object) -> None:
    assert minilm
    (closed,) = free_ports(1)
    settings = settings_for(f"postgresql://nobody:x@127.0.0.1:{closed}/none", chroma_url)
    async with running(settings, "default") as service:
        with pytest.raises(Transient, match="503"):
            await service.search("restart the router")
        async with httpx.AsyncClient(base_url=service.address) as probe:
            assert (await probe.get("/health/ready")).status_code == 200
            report = await probe.get("/health/dependencies")
        assert report.status_code == 503
        assert report.json()["database"]["ok"] is False
        assert report.json()["chroma"]["ok"] is True


async def test_strangers_get_nothing(service: Service) -> None:
    async with httpx.AsyncClient(base_url=service.address) as stranger:
        for method, path in (
            ("POST", "/search"),
            ("POST", "/lookup"),
            ("POST", "/articles"),
            ("GET", "/articles"),
            ("POST", "/sync"),
            ("DELETE", "/articles/00000000-0000-0000-0000-000000000000"),
        ):
            assert (
                await stranger.request(method, path, json={"query": "x", "collection": "default"})
            ).status_code == 401


def test_a_store_that_never_answers_is_an_error_in_time() -> None:
    async def go() -> None:
        async with silent_server() as chroma:
            with ChromaStore(f"http://{chroma}", "space", deadline_s=0.3) as store:
                began = time.perf_counter()
                with pytest.raises(Transient, match="ReadTimeout"):
                    await asyncio.to_thread(store.count, "default")
                assert time.perf_counter() - began < 2

    asyncio.run(go())
