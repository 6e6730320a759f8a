"""How long callers wait when their voice process stops or dies: `python -m tests.bench.outliving [calls] [stop|kill]`.

Two voice processes on real stores behind a gateway, and the lab's callers on real sockets, each in the middle of an
answer.
`stop`: SIGTERM, whose drain of two seconds no call outlasts by itself, so that each is handed over. `kill`: SIGKILL.
The gap is the silence between the last sound of the old process and the first of the new one.
"""

# ruff: noqa: T201  (a report on standard output)

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise
from statistics import quantiles

from pydantic import SecretStr

from lab.stack import servers as programs
from lab.stack.place import take
from lab.stack.ports import free_ports
from lab.stack.program import start, stop, wait_until_ready
from lab.twilio.people import Act
from lab.twilio.settings import PhoneNumber
from shared.database import migrate
from shared.settings import DatabaseSettings
from tests.gateway_house import served_gateway
from tests.gateway_house import settings_for as gateway_settings
from tests.tcp_proxy import TcpProxy
from tests.voice_house import OUR_NUMBER, PUBLIC, VOICE, Driven, voice_house
from tests.voice_process import a_process
from tests.waiting import wait_for_async

QUESTION = "How do I restart my router?"
CUT_OFF = "we were cut off"
LOOKED_AT = 100
"""Frames with sound: two seconds, the sentence that is looked for and what was heard of the answer before."""


class Timed(Driven):
    """A caller who knows how long the silence was before they heard that the call was cut off."""

    def __init__(self) -> None:
        super().__init__()
        self.gap_s: float | None = None
        self._sounds_at: list[float] = []

    def tick(self, heard: bytes) -> Act:
        act = super().tick(heard)
        if heard.strip(b"\xff"):
            self._sounds_at.append(time.monotonic())
        if self.gap_s is None and CUT_OFF in self.heard:
            self.gap_s = max(later - earlier for earlier, later in pairwise(self._sounds_at[-LOOKED_AT:]))
        return act


async def run(database_url: str, redis_url: str, count: int, how: str) -> None:
    async with AsyncExitStack() as stack:
        house = await stack.enter_async_context(voice_house(database_url, redis_url))
        settings = gateway_settings(database_url, redis_url, voice_public_url=VOICE)
        _, address = await stack.enter_async_context(served_gateway(settings))
        number = PhoneNumber(voice_url=f"{PUBLIC}/twilio/voice", status_callback=f"{PUBLIC}/twilio/status")
        times = {"VOICE_LAME_DUCK_S": "0", "VOICE_DRAIN_S": "2", "VOICE_MOVE_S": "30"}
        old = await stack.enter_async_context(a_process(house, **times))
        new = await stack.enter_async_context(a_process(house, **times))
        proxy = TcpProxy("", 0)
        await stack.enter_async_context(proxy.running())
        proxy.aim(old.address)
        origins = {PUBLIC: address, VOICE: f"http://127.0.0.1:{proxy.port}"}
        house.network.settings = replace(house.network.settings, numbers={OUR_NUMBER: number}, origins=origins)
        callers = [Timed() for _ in range(count)]
        calls = [house.network.call_in(f"+1202555{place:04}", caller) for place, caller in enumerate(callers)]
        await asyncio.gather(*(caller.asked("How can I help?", QUESTION) for caller in callers))
        await asyncio.gather(*(caller.hears("Unplug") for caller in callers))
        proxy.aim(new.address)
        began = time.monotonic()
        if how == "kill":
            old.process.kill()
        else:
            old.stop()
        await old.process.wait()
        gone_s = time.monotonic() - began
        resumed = await asyncio.gather(*(_resumed(caller) for caller in callers))
        gaps = sorted(gap for gap in resumed if gap is not None)
        for caller in callers:
            caller.hang_up()
        await asyncio.gather(*(call.over.wait() for call in calls))
        _report(how, count, gone_s, gaps)


async def _resumed(caller: Timed) -> float | None:
    """The gap; None when the call did not go on."""

    async def look() -> float | None:
        return caller.gap_s

    try:
        return await wait_for_async(look, 20, "the call to go on")
    except AssertionError:
        return None


def _report(how: str, count: int, gone_s: float, gaps: Sequence[float]) -> None:
    print(f"{how}: {count} calls, {len(gaps)} went on elsewhere; the process was gone after {gone_s:.1f} s")
    if len(gaps) > 1:
        shares = quantiles(gaps, n=20, method="inclusive")
        print(f"gap p50 {shares[9]:.2f} s, p95 {shares[18]:.2f} s, longest {gaps[-1]:.2f} s")


def main(arguments: Sequence[str]) -> None:
    count = int(arguments[0]) if arguments else 20
    how = arguments[1] if len(arguments) > 1 else "stop"
    with take("bench", fresh=True) as place:
        postgres_port, redis_port = free_ports(2)
        postgres, database_url = programs.postgres(place, postgres_port)
        redis, redis_url = programs.redis_server(place, redis_port)
        started = [start(program, place.logs) for program in (postgres, redis)]
        try:
            for program in started:
                wait_until_ready(program)
            migrate.upgrade(DatabaseSettings(database_url=SecretStr(database_url)))
            asyncio.run(run(database_url, redis_url, count, how))
        finally:
            stop(started)


if __name__ == "__main__":
    main(sys.argv[1:])
