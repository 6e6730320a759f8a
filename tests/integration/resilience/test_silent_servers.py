"""A server that takes connections and never says a word: everybody who asks it gives up when they promised to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from services.gateway.telephone import http as telephone
from services.gateway.telephone.http import HttpForTwilio, NoAnswer
from services.voice.known_answers import AnswerStore
from services.voice.transport.stream_token import StreamTokens
from services.voice.wiring import REDIS_S
from shared.clock import SystemClock
from shared.conversation.ports import Asked
from shared.database.engine import POOL_WAIT_S, async_sessions, make_async_engine
from shared.database.transactions import DatabaseAway, transaction
from shared.degradation.levels import Health, Level
from shared.degradation.shared_ladder import shared_ladder
from shared.resilience.breaker import Breaker
from shared.resilience.shared_board import shared_board
from shared.security.purpose_tokens import Purpose, TokenSigner
from shared.settings import DatabaseSettings, RedisSettings
from shared.task_group import TaskSet
from tests.gateway_house import ACCOUNT, SIGNING_KEY, new_call_sid
from tests.protocol.gateway.test_database_away import Introduced
from tests.silent_server import silent_server
from tests.waiting import wait_for_async

SLACK_S = 0.8
"""What a busy machine adds."""


async def ends_within(seconds: float, ask: Callable[[], Awaitable[Any]]) -> Any:
    """What it comes to, or the error it raises, when that was in time."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(seconds + 10):
            found = await ask()
    except Exception as error:  # noqa: BLE001  (the test looks at it)
        found = error
    assert time.monotonic() - began < seconds + SLACK_S
    return found


async def test_a_token_is_burnt_here_when_redis_is_silent() -> None:
    async with silent_server() as address, Redis.from_url(f"redis://{address}", socket_timeout=REDIS_S) as redis:
        signer, call_sid = TokenSigner(SIGNING_KEY), new_call_sid()
        tokens = StreamTokens(signer, redis, ACCOUNT, SystemClock())
        token = signer.issue(Purpose.STREAM, call_sid, f"{call_sid}:1", datetime.now(UTC))
        assert await ends_within(REDIS_S, lambda: tokens.accept(Introduced(call_sid, {"token": token}))) == 1


async def test_a_known_answer_is_not_waited_for() -> None:
    async with silent_server() as address, Redis.from_url(f"redis://{address}", decode_responses=True) as redis:
        store, asked = AnswerStore(redis, SystemClock()), Asked("q", "words", "gist", 1, None)
        assert await ends_within(0.05, lambda: store.find("kin", asked, near=False, counts=True)) is None
        assert await ends_within(2.0, lambda: store.to_prepare("kin")) == []
        await store.close()


async def test_twilio_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telephone, "ANSWER_S", 0.5)
    breaker = Breaker("twilio", SystemClock())
    async with silent_server() as address:
        client = HttpForTwilio(breaker)
        found = await ends_within(0.5, lambda: client.request("POST", f"http://{address}/Calls.json"))
        await client.close()
    assert isinstance(found, NoAnswer)
    assert breaker.circuit.failures == 1


async def test_boards_and_ladders_go_alone_while_redis_is_silent() -> None:
    async with silent_server() as address:
        settings, clock = RedisSettings(redis_url=SecretStr(f"redis://{address}")), SystemClock()
        board, tasks = shared_board("test", settings, clock), TaskSet("test")
        breaker = board.breaker("somebody")
        ladder = shared_ladder(settings, lambda: Health(full=breaker.is_closed), clock)
        tasks.start(board.run(), "board")
        tasks.start(ladder.run(), "ladder")
        for _ in range(3):
            breaker.failed("Silent")
        assert board.report()["somebody"]["state"] == "open"

        async def is_on_rules() -> bool:
            return ladder.level is Level.RULES

        # a look waits one second for Redis, and then health alone counts
        await wait_for_async(is_on_rules, 1.0 + SLACK_S, "the ladder to go by health alone")
        await ends_within(2.0, tasks.close)


async def test_a_silent_database_a_full_pool_and_a_long_statement_are_errors_in_time(database_url: str) -> None:
    async def a_silent_one() -> None:
        async with silent_server() as address:
            engine = make_async_engine(
                DatabaseSettings(database_url=SecretStr(f"postgresql://u:p@{address}/x")), "test"
            )
            assert isinstance(await ends_within(5, lambda: ask(engine)), DatabaseAway)
            await engine.dispose()

    async def a_full_pool() -> None:
        settings = DatabaseSettings(database_url=SecretStr(database_url), database_pool_size=1)
        engine = make_async_engine(settings, "test")
        async with engine.connect():
            assert isinstance(await ends_within(POOL_WAIT_S, lambda: ask(engine)), DatabaseAway)
        await engine.dispose()

    async def a_long_statement() -> None:
        settings = DatabaseSettings(database_url=SecretStr(database_url), database_statement_ms=300)
        engine = make_async_engine(settings, "test")
        found = await ends_within(0.3, lambda: ask(engine, "SELECT pg_sleep(30)"))
        assert isinstance(found, DatabaseAway)
        assert isinstance(found.__cause__, OperationalError)
        await engine.dispose()

    async def ask(engine: Any, statement: str = "SELECT 1") -> None:
        async with transaction(async_sessions(engine)) as session:
            await session.execute(text(statement))

    await asyncio.gather(a_silent_one(), a_full_pool(), a_long_statement())
