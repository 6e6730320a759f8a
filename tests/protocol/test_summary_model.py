"""The model as a writer of summaries, over the wire to the lab's stand-in: what it is told, and how it fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from lab.openai.app import make_app
from lab.openai.faults import OpenAIFault, OpenAIFaultSetting
from lab.openai.stand_in import OpenAISettings as LabSettings
from lab.openai.stand_in import StandIn
from lab.wire.serving import served
from services.ticketing.adapters.summary_model import ModelAway, ModelRefused, OpenAISummaries
from services.ticketing.domain.conversation import Conversation
from services.ticketing.domain.summary import Summary, SummaryOrigin
from shared.clock import SystemClock
from shared.errors import Transient
from shared.rates.usage import Meter, Product, Unit
from shared.resilience.breaker import Breaker, BreakerOpen
from shared.settings import OpenAISettings
from tests.unit.ticketing.heard import router_call


class Lab:
    """The stand-in and our client of it."""

    def __init__(self, stand_in: StandIn, address: str) -> None:
        self.stand_in = stand_in
        self.address = address
        self.model = self.client()
        self.meter = Meter()

    def client(self, deadline_s: float = 0.5, **settings: Any) -> OpenAISummaries:
        known = OpenAISettings(openai_base_url=f"{self.address}/v1", **settings)
        return OpenAISummaries(known, "sk-lab", Breaker("model:summary", SystemClock()), deadline_s)

    def fail(self, kind: OpenAIFault, **more: Any) -> None:
        self.stand_in.faults.add(OpenAIFaultSetting(kind=kind, **more))

    async def summarise(self, conversation: Conversation | None = None) -> Summary | None:
        return await asyncio.to_thread(self.model.summarise, conversation or router_call(), self.meter)


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    stand_in = StandIn(LabSettings(first_token_s=0.01, tokens_per_s=100_000))
    async with served(make_app(stand_in)) as address:
        lab = Lab(stand_in, address)
        yield lab
        lab.model.close()


async def test_a_summary_comes_back_in_our_form(lab: Lab) -> None:
    summary = await lab.summarise()
    assert summary is not None
    assert summary.origin is SummaryOrigin.MODEL
    assert summary.model == "gpt-6-luna"
    used = {one.unit: one for one in lab.meter.used}
    assert used.keys() >= {Unit.INPUT_TOKENS, Unit.OUTPUT_TOKENS}
    assert {one.product for one in used.values()} == {Product("openai", "gpt-6-luna")}
    assert "engineer" in summary.wish
    assert summary.promise == "I will open a ticket and a colleague will call you back."


async def test_what_the_model_is_told(lab: Lab) -> None:
    await lab.summarise()
    body: Any = lab.stand_in.asked[0].body
    assert body["store"] is False
    assert body["reasoning_effort"] == "none"
    assert body["response_format"]["json_schema"]["strict"] is True
    assert "max_tokens" not in body
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    told = str(body)
    for secret in ("dana", "Dana", "Reyes", "3125550142", "4111"):
        assert secret not in told


async def test_a_model_without_effort_is_not_told_one(lab: Lab) -> None:
    lab.model.close()
    lab.model = lab.client(deadline_s=5, openai_reasoning_effort=None)
    await lab.summarise()
    body: Any = lab.stand_in.asked[0].body
    assert "reasoning_effort" not in body


@pytest.mark.parametrize(
    "fault",
    [
        OpenAIFault.REFUSE,
        OpenAIFault.HANG,
        OpenAIFault.CUT,
        OpenAIFault.GARBAGE_JSON,
        OpenAIFault.EMPTY_ANSWER,
        OpenAIFault.OVERLOADED,
        OpenAIFault.SERVER_ERROR,
        OpenAIFault.RATE_LIMITED,
        OpenAIFault.SLOW_DOWN,
    ],
)
async def test_what_may_heal_is_transient_and_asked_once(lab: Lab, fault: OpenAIFault) -> None:
    lab.fail(fault)
    began = time.monotonic()
    with pytest.raises(ModelAway):
        await lab.summarise()
    assert time.monotonic() - began < 2
    assert sum(active.fired for active in lab.stand_in.faults.active) == 1


@pytest.mark.parametrize(
    "fault",
    [
        OpenAIFault.WRONG_KEY,
        OpenAIFault.OUT_OF_CREDIT,
        OpenAIFault.MODEL_NOT_FOUND,
        OpenAIFault.CONTEXT_TOO_LONG,
    ],
)
async def test_what_no_waiting_heals_is_permanent(lab: Lab, fault: OpenAIFault) -> None:
    lab.fail(fault)
    with pytest.raises(ModelRefused) as refused:
        await lab.summarise()
    assert "sk-lab" not in refused.value.detail


async def test_a_limit_says_when_to_come_again(lab: Lab) -> None:
    lab.fail(OpenAIFault.RATE_LIMITED)
    with pytest.raises(Transient) as limited:
        await lab.summarise()
    assert limited.value.retry_after == 1


async def test_an_outage_opens_the_breaker(lab: Lab) -> None:
    lab.fail(OpenAIFault.SERVER_ERROR)
    for _ in range(3):
        with pytest.raises(ModelAway):
            await lab.summarise()
    with pytest.raises(BreakerOpen):
        await lab.summarise()
