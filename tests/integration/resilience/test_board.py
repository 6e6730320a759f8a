"""Boards of several processes on one Redis: what one finds out, all know; what all know, one tries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from shared.clock import SystemClock
from shared.resilience.board import Board, Probe
from shared.resilience.board_thread import turning
from shared.resilience.breaker import Breaker, BreakerOpen
from shared.resilience.circuit import CircuitState, Rules
from shared.resilience.shared_board import shared_board
from shared.settings import RedisSettings
from tests.tcp_proxy import before
from tests.waiting import wait_for, wait_for_async

RULES = Rules(failures=2, rest_s=0.3, longest_rest_s=0.3, lease_s=2)


def a_board(redis_url: str) -> Board:
    return shared_board("test", RedisSettings(redis_url=SecretStr(redis_url)), SystemClock())


@asynccontextmanager
async def boards(*addresses: str) -> AsyncIterator[list[Board]]:
    """A board a process, all turning."""
    made = [a_board(address) for address in addresses]
    for board in made:
        board.breaker("model", RULES)
    work = [asyncio.create_task(board.run()) for board in made]
    try:
        await until(lambda: all(board.breaker("model").is_shared for board in made), 2, "boards to share")
        yield made
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


async def until(look: Callable[[], bool], within_s: float, what: str) -> None:
    async def found() -> bool:
        return look()

    await wait_for_async(found, within_s, what)


class Hasty(SystemClock):
    """A clock by which everything takes four times as long: whoever sleeps wakes late."""

    def monotonic(self) -> float:
        return 4 * super().monotonic()


def is_refused(breaker: Breaker) -> bool:
    try:
        breaker.enter()
    except BreakerOpen:
        return True
    return False


async def test_what_one_process_finds_out_the_others_avoid_within_two_seconds(redis_url: str) -> None:
    async with boards(redis_url, redis_url, redis_url) as (one, two, three):
        began = time.monotonic()
        one.breaker("model").failed("ReadTimeout")
        two.breaker("model").failed("ReadTimeout")
        await until(lambda: is_refused(three.breaker("model")), 2, "the third to avoid it")
        assert time.monotonic() - began < 2
        report = three.report()["model"]
        assert (report["state"], report["last_reason"]) == ("open", "ReadTimeout")


async def test_a_process_that_is_late_itself_accuses_nobody_unless_it_is_sure() -> None:
    board = Board("test", Hasty(), None)
    breaker = board.breaker("model", RULES)
    work = asyncio.create_task(board.run())
    try:
        await until(lambda: board.lag.is_too_late, 5, "the loop to be late")
        for _ in range(5):
            breaker.failed("ReadTimeout")
        assert not is_refused(breaker)
        breaker.failed("refused", sure=True)
        assert is_refused(breaker)
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_one_process_probes_and_its_success_is_everybodys(redis_url: str) -> None:
    probed, is_well = [], False

    def probe_of(board: Board) -> Probe:
        async def probe() -> None:
            probed.append(board)
            await asyncio.sleep(0.1)
            if not is_well:
                raise ConnectionError

        return probe

    async with boards(redis_url, redis_url, redis_url) as every:
        for board in every:
            board.probe_with("model", probe_of(board))
        for _ in range(2):
            every[0].breaker("model").failed("500")
        began = time.monotonic()
        await until(lambda: len(probed) >= 2, 5, "two probes")
        assert time.monotonic() - began > 2 * RULES.rest_s  # one after the other, by whoever was first
        is_well = True
        await until(lambda: all(board.breaker("model").is_closed for board in every), 3, "all to use it again")


async def test_without_a_probe_the_next_caller_of_one_process_tries(redis_url: str) -> None:
    async with boards(redis_url, redis_url) as every:
        for _ in range(2):
            every[0].breaker("model").failed("500")
        let_in: list[Board] = []

        async def somebody_is_let_in() -> bool:
            let_in.extend(board for board in every if not is_refused(board.breaker("model")))
            return bool(let_in)

        await until(lambda: is_refused(every[1].breaker("model")), 2, "both to know")
        await wait_for_async(somebody_is_let_in, 3, "a caller to be let in")
        assert len(let_in) == 1
        assert [board for board in every if not is_refused(board.breaker("model"))] == []
        let_in[0].breaker("model").succeeded()
        await until(lambda: all(board.breaker("model").is_closed for board in every), 2, "all to use it again")


async def test_without_redis_each_goes_alone_and_what_it_learnt_is_told_later(redis_url: str) -> None:
    async with before(redis_url) as (proxy, through), boards(redis_url, through) as (other, alone):
        breaker = alone.breaker("model")
        proxy.cut()
        await until(lambda: not breaker.is_shared, 3, "it to notice")
        for _ in range(2):
            breaker.failed("ConnectError")
        assert is_refused(breaker)
        await until(lambda: not is_refused(breaker), 2, "its rest to be over: the next caller is the probe")
        breaker.failed("ConnectError")
        assert other.breaker("model").is_closed
        proxy.mend()
        await until(lambda: not other.breaker("model").is_closed, 3, "the other to hear of it")


def test_synchronous_processes_take_part(redis_url: str) -> None:
    one, two = a_board(redis_url), a_board(redis_url)
    breaker, other = one.breaker("kayako", RULES), two.breaker("kayako", RULES)
    with turning(one), turning(two):
        wait_for(lambda: breaker.is_shared and other.is_shared, 2, "boards to share")
        for _ in range(2):
            breaker.failed("500")
        wait_for(lambda: other.circuit.state is CircuitState.OPEN, 2, "the other process to know")
        with pytest.raises(BreakerOpen):
            other.enter()
