"""One run: a stage, callers, faults, quiet, and the comparison of both sides."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx
import psycopg
import redis

from tests.chaos.comparison import Verdict, compare
from tests.chaos.evidence import DeskCase, LabCall, StoredCall, read_case
from tests.chaos.faults import Fault
from tests.chaos.figures import LONG_SILENCE_S, calls_lost, is_at, silences
from tests.chaos.injector import Done, Injector
from tests.chaos.records import stored_calls, unfinished
from tests.chaos.stage import Size, Stage, stage
from tests.chaos.story import story
from tests.chaos.telephone import Telephone
from tests.chaos.traffic import Mix, plan

LOOK_EVERY_S = 0.5
CASES_A_PAGE = 500
QUIET_FOR_S = 2.0
"""Nothing may be left to do for so long before both sides are compared."""


MOST_STORIES = 3
"""Calls of a kind that are told from both sides: differences, calls that did not go on, and long silences."""


@dataclass(frozen=True, slots=True)
class Chaos:
    """What a run is made of."""

    seed: int
    size: Size
    mix: Mix
    faults: Sequence[Fault]
    """What will go wrong, in the order of its times."""
    quiet_within_s: float
    """How long everything may take to come to rest after the last fault."""


@dataclass(slots=True)
class Outcome:
    """What came of a run."""

    verdict: Verdict
    calls: dict[str, LabCall]
    stored: dict[str, StoredCall]
    cases: list[DeskCase]
    done: list[Done]
    storm_began: float
    storm_ended: float
    took_s: float
    quiet_after_s: float | None
    left: dict[str, int]
    memory_mb: float
    unplaced: dict[str, int]
    stories: list[str] = field(default_factory=list)


async def run(chaos: Chaos, say: Callable[[str], None] = print) -> Outcome:
    """Do it all. Raises StartFailed when the platform does not come up."""
    say(f"seed {chaos.seed}")
    async with stage(chaos.size) as running:
        keeping = asyncio.create_task(running.keep_alive())
        try:
            return await _storm(chaos, running, say)
        finally:
            keeping.cancel()


async def _storm(chaos: Chaos, running: Stage, say: Callable[[str], None]) -> Outcome:
    began = time.monotonic()
    telephone = Telephone(running.addresses["lab_twilio"], running.place.folder / "calls.jsonl")
    injector = Injector(running, telephone, say, chaos.seed)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(telephone.run(plan(chaos.seed, chaos.mix), began))
            tasks.create_task(injector.run(chaos.faults, began))
            telling = asyncio.create_task(_tell(running, telephone, began, say))
        telling.cancel()
        stopped = time.monotonic()
        memory = await asyncio.to_thread(running.memory_mb)
        left = await _until_quiet(running, chaos.quiet_within_s)
        quiet_after = time.monotonic() - stopped if not any(left.values()) else None
        stored = await asyncio.to_thread(stored_calls, running.database_url)
        cases = await _cases(running.addresses["lab_kayako"])
        verdict = compare(telephone.calls, stored, cases, injector.deaf())
        stories = [
            await asyncio.to_thread(story, running, telephone, injector.done, sid, headline, stored, cases)
            for sid, headline in _worth_telling(verdict, telephone.calls, injector.done)
        ]
    finally:
        await telephone.close()
    return Outcome(
        verdict=verdict,
        calls=telephone.calls,
        stored=stored,
        cases=cases,
        done=injector.done,
        storm_began=min(one.began for one in injector.done),
        storm_ended=max(one.ended for one in injector.done),
        took_s=time.monotonic() - began,
        quiet_after_s=quiet_after,
        left=left,
        memory_mb=memory,
        unplaced=dict(telephone.unplaced),
        stories=stories,
    )


async def _tell(running: Stage, telephone: Telephone, began: float, say: Callable[[str], None]) -> None:
    """How far it is, once a minute."""
    while True:
        await asyncio.sleep(60)
        left = await asyncio.to_thread(_unfinished, running)
        done = f"{len(telephone.calls)} of {telephone.placed} calls over"
        say(f"+{time.monotonic() - began:7.1f} s  {done}; left to do: {left}")


def _worth_telling(verdict: Verdict, calls: Mapping[str, LabCall], done: Sequence[Done]) -> list[tuple[str, str]]:
    """Calls, and what is to be told of them."""
    differences = [(one.sid, f"{one.kind.value}: {one.sid} {one.told}") for one in verdict.differences]
    losses = calls_lost(calls, done)
    ended = [
        (loss.sid, f"did not go on after the loss of its voice process: {loss.sid}, {loss.instead}")
        for loss in losses
        if loss.gap_s is None
    ]
    silent = [
        (wait.sid, f"a silence of {wait.seconds:.1f} s: {wait.sid}")
        for wait in sorted(silences(calls), key=lambda wait: -wait.seconds)
        if wait.seconds > LONG_SILENCE_S and not any(is_at(loss, wait) for loss in losses)
    ]
    return [one for kind in (differences, ended, silent) for one in kind[:MOST_STORIES]]


def _unfinished(running: Stage) -> dict[str, int]:
    """What is left to do; nobody knows while a store is away."""
    try:
        return unfinished(running.database_url, running.redis_url)
    except (psycopg.Error, redis.RedisError) as error:
        return {f"unknown: {type(error).__name__}": 1}


async def _until_quiet(running: Stage, within_s: float) -> dict[str, int]:
    """Wait until nothing is left to do; what is left when the time is over."""
    deadline = time.monotonic() + within_s
    quiet_since: float | None = None
    while True:
        left = await asyncio.to_thread(_unfinished, running)
        now = time.monotonic()
        quiet_since = (quiet_since or now) if not any(left.values()) else None
        if (quiet_since is not None and now - quiet_since >= QUIET_FOR_S) or now > deadline:
            return left
        await asyncio.sleep(LOOK_EVERY_S)


async def _cases(address: str) -> list[DeskCase]:
    """Every case of the help desk."""
    found: list[DeskCase] = []
    async with httpx.AsyncClient(base_url=address, timeout=120, trust_env=False) as http:
        while True:
            before = {"before": str(found[-1].id)} if found else {}
            rows = (await http.get("/lab/cases", params={"limit": str(CASES_A_PAGE), **before})).json()["cases"]
            found += [read_case(row) for row in rows]
            if len(rows) < CASES_A_PAGE:
                return found
