"""Live calls on one voice process: what it adds to an answer, how fast it falls silent, what a minute of a call costs.

`python -m tests.bench.voice_calls --calls 10 --seconds 60` starts PostgreSQL, Redis, the lab's Deepgram and OpenAI, a
knowledge room that knows one passage, a voice process, and callers who ask, listen, and break into every third answer.
Only the voice process is measured; everything else runs in another one, on the other core when there is one.
"""

# ruff: noqa: T201  (a report on standard output)

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from statistics import median, quantiles

import httpx
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import select

from lab.openai.app import make_app as make_openai
from lab.stack import servers
from lab.stack.place import take
from lab.stack.ports import free_ports
from lab.stack.program import start, stop, wait_until_ready
from shared.database import migrate
from shared.database.models import Turn
from shared.observability.logs import configure
from shared.settings import DatabaseSettings
from tests.serving import serving
from tests.voice_house import Driven, VoiceHouse, voice_house
from tests.voice_process import VoiceProcess, a_process

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20
QUESTION = "How do I restart my router?"
RAMP_S = 0.15


@asynccontextmanager
async def stage(stack: ExitStack) -> AsyncIterator[tuple[VoiceHouse, VoiceProcess]]:
    """Everything a voice process needs, and the process."""
    place = stack.enter_context(take("bench", fresh=True))
    postgres_port, redis_port = free_ports(2)
    postgres, database_url = servers.postgres(place, postgres_port)
    redis, redis_url = servers.redis_server(place, redis_port)
    running = [start(program, place.logs) for program in (postgres, redis)]
    stack.callback(stop, running)
    for server in running:
        wait_until_ready(server)
    migrate.upgrade(DatabaseSettings(database_url=SecretStr(database_url)))
    async with (
        serving(make_openai()) as openai,
        voice_house(database_url, redis_url) as house,
        a_process(
            house,
            OPENAI_API_KEY="lab",
            OPENAI_BASE_URL=f"{openai}/v1",
            LOG_LEVEL="warning",
            VOICE_LAME_DUCK_S="0",
        ) as voice,
    ):
        yield house, voice


async def talk(house: VoiceHouse, number: int, until: asyncio.Event) -> None:
    """One caller, until told to stop."""
    caller = Driven()
    call = house.ring(caller)
    await caller.hears("How can I help")
    await caller.quiet()
    answers = 0
    while not until.is_set():
        heard = len(caller.heard)
        caller.say(QUESTION)
        await caller.until(partial(_has_heard, caller, heard, "ten seconds"))
        answers += 1
        if (answers + number) % 3:
            await caller.until(partial(_has_heard, caller, heard, "?"))
            await caller.quiet(0.6)
    caller.hang_up()
    await call.over.wait()


def _has_heard(caller: Driven, since: int, words: str) -> bool:
    return words in caller.heard[since:]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE_MB


async def barge_in_share(voice: VoiceProcess) -> dict[str, float]:
    """How many times the process fell silent within each bound, in seconds."""
    async with httpx.AsyncClient(trust_env=False) as http:
        text = (await http.get(f"{voice.address}/metrics")).text
    return {
        sample.labels["le"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "callwright_bargein_clear_seconds_bucket"
    }


def line(name: str, values: list[float], unit: str = "ms") -> str:
    """Median, 95th and 99th part in a hundred."""
    parts = quantiles(values, n=100)
    return f"{name:<44} p50 {median(values):7.1f}  p95 {parts[94]:7.1f}  p99 {parts[98]:7.1f} {unit}  (n={len(values)})"


def shares_of(values: list[float]) -> str:
    """Median, 95th and 99th part in a hundred, for a table."""
    parts = quantiles(values, n=100)
    return f"{median(values):.1f} / {parts[94]:.1f} / {parts[98]:.1f}"


async def run(calls: int, seconds: float) -> None:
    """Place the calls, watch, and report."""
    with ExitStack() as stack:
        async with stage(stack) as (house, voice):
            pid = voice.process.pid
            at_rest = memory_mb(pid)
            over = asyncio.Event()
            talking = []
            for number in range(calls):
                talking.append(asyncio.ensure_future(talk(house, number, over)))
                await asyncio.sleep(RAMP_S)
            await asyncio.sleep(8)
            before = cpu_seconds(pid)
            await asyncio.sleep(seconds)
            used, memory = cpu_seconds(pid) - before, memory_mb(pid)
            over.set()
            endings = await asyncio.gather(*talking, return_exceptions=True)
            failed = [ending for ending in endings if isinstance(ending, BaseException)]
            clears = await barge_in_share(voice)
            async with house.sessions() as session:
                turns = (await session.scalars(select(Turn).where(Turn.origin == "model"))).all()
    stages = [turn.stages_ms for turn in turns if "overhead" in turn.stages_ms]
    print(f"{calls} calls for {seconds:.0f} s, {len(failed)} failed")
    for failure in failed:
        print(f"  {failure!r}")
    print(line("added to an answer, retrieval included", [stage["overhead"] for stage in stages]))
    print(line("added to an answer without retrieval", [stage["overhead"] - stage["retrieval"] for stage in stages]))
    print(line("decided turn to first audio sent", [stage["answer"] for stage in stages]))
    print(line("last word to decided turn", [stage["hearing"] for stage in stages]))
    added, answer = ([stage[name] for stage in stages] for name in ("overhead", "answer"))
    per_minute, per_call = used / (calls * seconds / 60), (memory - at_rest) / calls
    print(
        "\n| calls | cpu-s/call-min | core % | added p50/p95/p99 ms | answer p50/p95/p99 ms "
        "| MB/call | RSS MB | failed |"
    )
    print("|---|---|---|---|---|---|---|---|")
    print(
        f"| {calls} | {per_minute:.3f} | {used / seconds:.0%} | {shares_of(added)} | {shares_of(answer)} "
        f"| {per_call:.2f} | {memory:.0f} | {len(failed)} |\n"
    )
    count = clears["+Inf"]
    shares = ", ".join(f"≤ {float(bound) * 1000:g} ms {value / count:.0%}" for bound, value in clears.items() if value)
    print(f"words heard to `clear` sent (n={count:.0f}): {shares}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60)
    chosen = parser.parse_args()
    configure("bench", "error")
    with suppress(KeyboardInterrupt):
        asyncio.run(run(chosen.calls, chosen.seconds))


if __name__ == "__main__":
    main()
