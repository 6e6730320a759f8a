"""The model of each level, against the lab's faults, down and up again, and a person's word over all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from lab.openai.app import make_app
from lab.openai.faults import OpenAIFault, OpenAIFaultSetting
from lab.openai.stand_in import StandIn
from lab.wire.serving import served
from services.voice.conversations import FAST_MODEL, MODEL
from services.voice.ladder_model import LadderModel
from shared.clock import SystemClock
from shared.conversation.models.openai_chat import OpenAIChat, openai_client
from shared.conversation.ports import ModelUnavailable
from shared.degradation import ladder as ladders
from shared.degradation import levels
from shared.degradation.ladder import Ladder
from shared.degradation.levels import Health, Level
from shared.degradation.override import Override, Overrides
from shared.resilience.board import Board
from shared.resilience.circuit import Rules
from shared.settings import OpenAISettings
from tests.protocol.conversation.test_openai_chat import FAST, PATIENCE, request
from tests.waiting import wait_for_async

FULL_NAME, FAST_NAME = "gpt-6-sol", "gpt-6-luna"
RULES = Rules(failures=2, rest_s=0.2, longest_rest_s=0.2)


@dataclass
class House:
    stand_in: StandIn
    model: LadderModel
    ladder: Ladder
    overrides: Overrides

    def fail(self, name: str) -> None:
        where = f"POST /v1/chat/completions {name}"
        self.stand_in.faults.add(OpenAIFaultSetting(kind=OpenAIFault.SERVER_ERROR, where=where))

    async def answered_by(self) -> str:
        async with contextlib.aclosing(self.model.stream(request())) as parts:
            assert [part async for part in parts]
        body = self.stand_in.asked[-1].body
        assert isinstance(body, dict)
        return str(body["model"])

    async def until(self, level: Level) -> None:
        async def reached() -> bool:
            return self.ladder.level is level

        await wait_for_async(reached, 5, f"level {level}")


@pytest.fixture
async def house(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(levels, "CALM_S", 0.3)
    monkeypatch.setattr(ladders, "LOOK_EVERY_S", 0.05)
    stand_in, clock = StandIn(FAST), SystemClock()
    async with served(make_app(stand_in)) as address, contextlib.AsyncExitStack() as stack:
        settings = OpenAISettings(openai_api_key=SecretStr("sk-lab"), openai_base_url=f"{address}/v1")
        client = openai_client(settings, PATIENCE)
        assert client is not None
        await stack.enter_async_context(client)
        board = Board("test", clock, None)
        full = OpenAIChat(client, FULL_NAME, board.breaker(MODEL, RULES), "none", PATIENCE)
        fast = OpenAIChat(client, FAST_NAME, board.breaker(FAST_MODEL, RULES), "none", PATIENCE)
        board.probe_with(MODEL, full.probe)
        board.probe_with(FAST_MODEL, fast.probe)

        def health() -> Health:
            return Health(board.breaker(MODEL).is_closed, board.breaker(FAST_MODEL).is_closed)

        ladder = Ladder(Overrides(Redis.from_url(redis_url)), health, clock)
        work = [asyncio.create_task(board.run()), asyncio.create_task(ladder.run())]
        overrides = Overrides(Redis.from_url(redis_url))
        yield House(stand_in, LadderModel(full, fast, ladder, clock), ladder, overrides)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await overrides.close()


async def test_down_by_what_fails_and_up_by_what_is_well_again(house: House) -> None:
    assert await house.answered_by() == FULL_NAME
    house.fail(FULL_NAME)
    for _ in range(2):
        assert await house.answered_by() == FAST_NAME  # within the same turn
    await house.until(Level.FAST)
    assert await house.answered_by() == FAST_NAME
    house.fail(FAST_NAME)
    for _ in range(2):
        with pytest.raises(ModelUnavailable):
            await house.answered_by()
    await house.until(Level.RULES)
    asked = len(house.stand_in.asked)
    with pytest.raises(ModelUnavailable):
        await house.answered_by()
    assert len(house.stand_in.asked) - asked <= 2  # by a probe, if at all
    house.stand_in.faults.replace([])
    await house.until(Level.FULL)
    assert await house.answered_by() == FULL_NAME


async def test_a_persons_word_counts_until_it_expires(house: House) -> None:
    until = datetime.now(UTC) + timedelta(seconds=1)
    await house.overrides.set(Override(level=Level.RULES, reason="wrong prices", set_by="a key", expires_at=until), 1)
    await house.until(Level.RULES)
    with pytest.raises(ModelUnavailable):
        await house.answered_by()
    await house.until(Level.FULL)
    assert await house.answered_by() == FULL_NAME
