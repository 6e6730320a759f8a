"""What the knowledge room and the summary workers find out, all processes know, and the gateway's report shows."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from lab.openai.app import make_app as make_openai
from lab.openai.faults import OpenAIFault, OpenAIFaultSetting
from lab.openai.stand_in import OpenAISettings as LabSettings
from lab.openai.stand_in import StandIn
from lab.stack.ports import free_ports
from lab.wire.serving import served
from services.knowledge.adapters.minilm import MiniLM
from services.ticketing.adapters.summary_model import ModelAway, OpenAISummaries
from shared.clock import SystemClock
from shared.rates.usage import Meter
from shared.resilience.board_thread import turning
from shared.resilience.breaker import BreakerOpen
from shared.resilience.provider_names import SUMMARY_MODEL, VECTORS
from shared.resilience.shared_board import shared_board
from shared.settings import OpenAISettings, RedisSettings
from tests.gateway_house import House, gateway
from tests.gateway_house import settings_for as gateway_settings
from tests.integration.knowledge.conftest import MODELS, running
from tests.integration.knowledge.conftest import settings_for as knowledge_settings
from tests.unit.ticketing.heard import router_call
from tests.waiting import wait_for_async

KNOWN_WITHIN_S = 2.0


async def shows(http: httpx.AsyncClient, provider: str, state: str, reason: str) -> None:
    """Wait until the report at hand says so of this provider."""

    async def look() -> bool:
        told: dict[str, Any] = (await http.get("/health/dependencies")).json()["breakers"]["providers"][provider]
        return (told["state"], told["last_reason"], told["shared"]) == (state, reason, True)

    await wait_for_async(look, KNOWN_WITHIN_S, f"{provider} to be shown as {state}")


@pytest.fixture
async def house(database_url: str, redis_url: str) -> Any:
    async with gateway(gateway_settings(database_url, redis_url)) as opened:
        yield opened


async def test_a_chroma_that_fails_one_process_is_left_alone_by_the_next(
    house: House, database_url: str, redis_url: str
) -> None:
    await asyncio.to_thread(MiniLM, MODELS)
    (closed,) = free_ports(1)
    settings = knowledge_settings(database_url, f"http://127.0.0.1:{closed}", redis_url=SecretStr(redis_url))
    async with AsyncExitStack() as stack:
        one, another = [await stack.enter_async_context(running(settings, "kb-none")) for _ in range(2)]

        async def finds_out() -> bool:
            """What a process sees that is late from its start counts for nothing: it asks until it is believed."""
            assert (await one.search("restart the router")).lexical_only
            async with httpx.AsyncClient(base_url=one.address, trust_env=False) as http:
                told = (await http.get("/health/dependencies")).json()["breakers"]["providers"]
            return bool(told[VECTORS]["state"] == "open")

        await wait_for_async(finds_out, 15, "three failures in a row")
        async with httpx.AsyncClient(base_url=another.address, trust_env=False) as http:
            await shows(http, VECTORS, "open", "ChromaFailed")
            report = (await http.get("/health/dependencies")).json()["breakers"]
            assert report["providers"]["embedding"]["state"] == "closed", "the model of the vectors is well"
        await shows(house.http, VECTORS, "open", "ChromaFailed")


async def test_a_model_that_writes_no_summary_is_left_alone_by_all_workers(house: House, redis_url: str) -> None:
    stand_in, clock = StandIn(LabSettings()), SystemClock()
    stand_in.faults.add(OpenAIFaultSetting(kind=OpenAIFault.SERVER_ERROR))
    settings = RedisSettings(redis_url=SecretStr(redis_url))
    async with served(make_openai(stand_in)) as address:
        known = OpenAISettings(openai_base_url=f"{address}/v1")
        with (
            turning(shared_board("summaries", settings, clock)) as one,
            turning(shared_board("summaries", settings, clock)) as another,
        ):
            writers = [OpenAISummaries(known, "sk-lab", board.breaker(SUMMARY_MODEL), 2) for board in (one, another)]
            for _ in range(3):
                with pytest.raises(ModelAway):
                    await asyncio.to_thread(writers[0].summarise, router_call(), Meter())
            await shows(house.http, SUMMARY_MODEL, "open", "500")

            async def left_alone() -> bool:
                return not another.breaker(SUMMARY_MODEL).is_closed

            await wait_for_async(left_alone, KNOWN_WITHIN_S, "the other worker to know")
            with pytest.raises(BreakerOpen):
                writers[1].summarise(router_call(), Meter())
            for writer in writers:
                writer.close()
