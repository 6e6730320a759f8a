"""How often what was begun before a caller's turn was decided was of use: `python -m tests.bench.thinking_ahead`.

Callers of the lab ask, over real sockets, what people asked on the telephone (`spoken_faq`: questions as a recogniser
wrote them, with "um" and corrections). Every second question has a pause in its middle, or none with `--unbroken`. One
voice process with a knowledge room that finds something for everything, and the lab's model; the counts are those of
its own metrics.
"""

# ruff: noqa: T201  (a report on standard output)

from __future__ import annotations

import argparse
import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from shared.observability.logs import configure
from tests.bench.email_capture import DATA, rows
from tests.bench.voice_calls import stage
from tests.voice_house import Driven, VoiceHouse
from tests.voice_process import VoiceProcess

EACH = 3
"""Questions a caller asks."""
AT_ONCE = 5
PAUSE_S = (0.5, 1.5)
"""How long somebody stops in the middle of a question."""
LONGEST_WORDS = 40
"""Words of a question; longer ones are stories, and take half a minute to say in the lab's voice."""


def questions(data: Path) -> list[str]:
    """Turns that ask for something, in a fixed order of chance."""
    spoken = [row["heard"] for row in rows(data / "spoken_faq/turns.jsonl") if row["needs_faq"]]
    found = [text for text in spoken if 4 <= len(text.split()) <= LONGEST_WORDS]
    random.Random(1).shuffle(found)
    return found


async def ask(caller: Driven, question: str, pause: random.Random | None) -> None:
    """Say it, in two pieces when it has a pause, and hear the reply to its end."""
    heard = len(caller.heard)
    words = question.split()
    cut = pause.randrange(2, len(words) - 1) if pause is not None else len(words)
    caller.say(" ".join(words[:cut]))
    if pause is not None:
        await caller.until(lambda: not caller.speaks, 30)
        await asyncio.sleep(pause.uniform(*PAUSE_S))
        caller.say(" ".join(words[cut:]))
    await caller.until(lambda: not caller.speaks, 30)
    await caller.until(partial(_answered, caller, heard), 30)


def _answered(caller: Driven, since: int) -> bool:
    return len(caller.heard) > since and caller.quiet_s > 1.0


async def talk(
    house: VoiceHouse, asked: Sequence[str], number: int, seats: asyncio.Semaphore, *, unbroken: bool
) -> None:
    """One caller."""
    async with seats:
        caller = Driven()
        call = house.ring(caller)
        await caller.hears("How can I help")
        await caller.quiet()
        for place, question in enumerate(asked):
            pauses = not unbroken and (number + place) % 2
            await ask(caller, question, random.Random(number) if pauses else None)
        caller.hang_up()
        await call.over.wait()


async def counts(voice: VoiceProcess) -> Counter[tuple[str, str]]:
    """By kind and result."""
    async with httpx.AsyncClient(trust_env=False) as http:
        text = (await http.get(f"{voice.address}/metrics")).text
    found = Counter[tuple[str, str]]()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "callwright_ahead_total":
                found[sample.labels["kind"], sample.labels["result"]] = int(sample.value)
    return found


def by_caller(asked: Sequence[str], calls: int) -> Iterator[Sequence[str]]:
    """The questions of each call."""
    for number in range(calls):
        yield asked[number * EACH : (number + 1) * EACH]


async def run(data: Path, calls: int, *, unbroken: bool) -> None:
    """Place the calls and report."""
    asked, seats = questions(data), asyncio.Semaphore(AT_ONCE)
    with ExitStack() as stack:
        async with stage(stack) as (house, voice):
            callers = enumerate(by_caller(asked, calls))
            talking = (talk(house, own, number, seats, unbroken=unbroken) for number, own in callers)
            endings = await asyncio.gather(*talking, return_exceptions=True)
            found = await counts(voice)
    failed = [ending for ending in endings if isinstance(ending, BaseException)]
    print(f"{calls} calls, {calls * EACH} questions, {len(failed)} calls failed")
    for failure in failed:
        print(f"  {failure!r}")
    for kind in ("retrieval", "generation"):
        started, kept, wasted = (found[kind, result] for result in ("started", "kept", "wasted"))
        print(f"{kind:<11} begun {started:4}  kept {kept:4} ({kept / max(started, 1):.0%})  wasted {wasted:4}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--unbroken", action="store_true", help="nobody stops in the middle of a question")
    chosen = parser.parse_args()
    configure("bench", "error")
    asyncio.run(run(chosen.data, chosen.calls, unbroken=chosen.unbroken))


if __name__ == "__main__":
    main()
