"""Does a voice process grow? Calls begin and end all the time, and its memory is read every half minute.

`python -m tests.bench.soak --calls 40 --seconds 20 --minutes 60` keeps forty callers on one voice process, each for
some twenty seconds, on the stage of `voice_calls`. What is reported is the slope of a straight line through the
readings after the first quarter, in MB per 1,000 ended calls: caches fill first, and what still grows then is a leak.
"""

# ruff: noqa: T201  (a report on standard output)

from __future__ import annotations

import argparse
import asyncio
import random
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from statistics import linear_regression

from shared.observability.logs import configure
from tests.bench.voice_calls import RAMP_S, memory_mb, stage
from tests.voice_house import Driven, VoiceHouse

WARM_SHARE = 0.25
READ_EVERY_S = 30.0
QUESTIONS = (
    "How do I restart my router?",
    "My router has been slow since Monday, number {number}, what can I do?",
    "Can you tell me how the router is restarted, please? My customer number is {number}.",
)


@dataclass
class Ended:
    """How the calls went."""

    calls: int = 0
    failed: int = 0


async def callers(house: VoiceHouse, number: int, seconds: float, ended: Ended, until: asyncio.Event) -> None:
    """One call after another from one telephone."""
    dice = random.Random(number)
    while not until.is_set():
        try:
            await _one_call(house, dice, seconds)
        except AssertionError as error:
            ended.failed += 1
            print(f"  {str(error)[:200]}", flush=True)
        ended.calls += 1


async def _one_call(house: VoiceHouse, dice: random.Random, seconds: float) -> None:
    caller = Driven()
    call = house.ring(caller)
    ends_at = time.monotonic() + seconds * dice.uniform(0.5, 1.5)
    try:
        await caller.hears("How can I help")
        await caller.quiet()
        while time.monotonic() < ends_at:
            since = len(caller.heard)
            caller.say(dice.choice(QUESTIONS).format(number=dice.randrange(1000, 9999)))
            await caller.until(partial(_said, caller, since))
            if dice.random() < 2 / 3:
                await caller.quiet(0.6)
    finally:
        caller.hang_up()
        await call.over.wait()


def _said(caller: Driven, since: int) -> bool:
    return len(caller.heard) > since + 20


async def run(calls: int, seconds: float, minutes: float) -> None:
    """Keep the calls going, read, and report."""
    with ExitStack() as stack:
        async with stage(stack) as (house, voice):
            pid, ended, over = voice.process.pid, Ended(), asyncio.Event()
            began, at_rest = time.monotonic(), memory_mb(voice.process.pid)
            talking = []
            for number in range(calls):
                talking.append(asyncio.ensure_future(callers(house, number, seconds, ended, over)))
                await asyncio.sleep(RAMP_S)
            readings: list[tuple[int, float]] = []
            while (elapsed := time.monotonic() - began) < minutes * 60:
                await asyncio.sleep(READ_EVERY_S)
                readings.append((ended.calls, memory_mb(pid)))
                print(
                    f"+{elapsed / 60:5.1f} min  {ended.calls:6d} calls ended, {ended.failed} of them badly  "
                    f"{readings[-1][1]:7.1f} MB",
                    flush=True,
                )
            over.set()
            await asyncio.gather(*talking, return_exceptions=True)
            last = memory_mb(pid)
    steady = readings[int(len(readings) * WARM_SHARE) :]
    slope = linear_regression([float(count) for count, _ in steady], [megabytes for _, megabytes in steady]).slope
    print(f"{ended.calls} calls of about {seconds:.0f} s, {calls} at once, {ended.failed} went badly")
    print(f"memory at rest {at_rest:.1f} MB, at the end without calls {last:.1f} MB")
    print(f"growth after warming up: {slope * 1000:.2f} MB per 1,000 calls")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--minutes", type=float, default=60)
    chosen = parser.parse_args()
    configure("bench", "error")
    with suppress(KeyboardInterrupt):
        asyncio.run(run(chosen.calls, chosen.seconds, chosen.minutes))


if __name__ == "__main__":
    main()
