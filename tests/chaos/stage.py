"""The platform under fire: real stores, the lab, several processes of each tier, and wires that can be cut."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from lab.desk.api import PlatformApi
from lab.sample import AGENT, ARTICLES
from lab.stack import platform, servers
from lab.stack.place import Place, take
from lab.stack.platform import Ports
from lab.stack.ports import claimed
from lab.stack.program import Program, wait_until_ready
from lab.stack.supervisor import LOOK_EVERY_S, Supervisor
from lab.stack.whole import desk_key
from shared.contracts.tasks import Queue
from shared.database import migrate
from shared.settings import DatabaseSettings
from tests.chaos.traffic import LIVE_NUMBER, MESSAGE_NUMBER, RELAY_NUMBER
from tests.chaos.wires import Wire
from tests.waiting import wait_for_async

QUEUES = (Queue.TICKETS, Queue.SUMMARIES, Queue.ANALYTICS, Queue.MAINTENANCE)
"""Embedding is left out: the knowledge room finds articles by their words, which costs nothing to start."""
SECOND_VOICE = "elevenlabs:JBFqnCBsd6RMkjVDRZzb"


BEHIND_CALLS = 5
"""Niceness of background work and of whatever else no caller waits for, on the few cores of one desk."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many processes of each tier, and the settings that decide how long things take to mend."""

    gateways: int = 2
    voices: int = 3
    knowledges: int = 1
    relays: int = 2
    workers: Mapping[Queue, int] = field(default_factory=lambda: dict.fromkeys(QUEUES, 2))
    settings: Mapping[str, str] = field(default_factory=dict)

    def programs(self) -> list[str]:
        """The names of all processes that may be killed."""
        tiers = {"gateway": self.gateways, "voice": self.voices, "knowledge": self.knowledges, "relay": self.relays}
        tiers |= {"beat": 1} | {f"worker-{queue.value}": count for queue, count in self.workers.items()}
        return [f"{tier}-{number}" for tier, count in tiers.items() for number in range(1, count + 1)]


@dataclass
class Stage:
    """What runs."""

    place: Place
    supervisor: Supervisor
    wires: Mapping[str, Wire]
    addresses: Mapping[str, str]
    database_url: str
    """Past the wire, for whoever looks."""
    redis_url: str
    environment: Mapping[str, str]
    ready: Mapping[str, Program]
    ports: Mapping[str, int]

    def process_id(self, name: str) -> int:
        """The present process of this name."""
        return self.supervisor.process_ids()[name]

    def signal_all(self, name: str, number: signal.Signals) -> int:
        """Signal a process and all its descendants; its id."""
        process_id = self.process_id(name)
        for one in [process_id, *descendants(process_id)]:
            with suppress(ProcessLookupError):
                os.kill(one, number)
        return process_id

    def send(self, name: str, number: signal.Signals) -> None:
        """Signal one process and none of its children."""
        with suppress(ProcessLookupError):
            os.kill(self.process_id(name), number)

    def kill(self, process_id: int) -> None:
        """End one process at once."""
        os.kill(process_id, signal.SIGKILL)

    async def until_again(self, name: str, before: int, within_s: float = 90.0) -> None:
        """Wait until another process of this name is ready. Raises AssertionError."""
        tier, _, number = name.rpartition("-")
        # what a killed process left says nothing of its successor
        (self.place.folder / "beats" / number / tier).unlink(missing_ok=True)

        async def is_ready() -> bool:
            return self.process_id(name) != before and await asyncio.to_thread(self.ready[name].ready)

        await wait_for_async(is_ready, within_s, f"{name} to be ready again")

    async def keep_alive(self) -> None:
        """Start again what ends, for ever."""
        while True:
            self.supervisor.look()
            await asyncio.sleep(LOOK_EVERY_S / 2)

    def memory_mb(self) -> float:
        """Proportional memory of everything that runs."""
        total = 0
        for process_id in self.supervisor.process_ids().values():
            for one in [process_id, *descendants(process_id)]:
                with suppress(OSError):
                    text = Path(f"/proc/{one}/smaps_rollup").read_text(encoding="ascii")
                    total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
        return total / 1024


def descendants(process_id: int) -> list[int]:
    """Children, theirs, and so on."""
    found: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{process_id}/task").iterdir():
            for child in (thread / "children").read_text(encoding="ascii").split():
                found += [int(child), *descendants(int(child))]
    return found


@asynccontextmanager
async def stage(size: Size) -> AsyncIterator[Stage]:
    """Start everything, run it for the length of the block, and leave nothing behind. Raises StartFailed."""
    names = [f"{tier}_{number}" for tier in ("gateway", "voice", "knowledge") for number in range(1, 4)]
    wired = ["wire_postgres", "wire_redis", "wire_kayako", "wire_deepgram", "wire_openai"]
    async with AsyncExitStack() as stack:
        place = stack.enter_context(take("chaos", fresh=True))
        ports = stack.enter_context(Ports.claim({}))
        more = stack.enter_context(claimed([*names, *wired], {}))
        supervisor = stack.enter_context(Supervisor(place.logs, lambda _: None))
        postgres, database_url = servers.postgres(place, ports.postgres)
        redis, redis_url = servers.redis_server(place, ports.redis)
        wires = _wires(size, ports, more)
        for wire, port in wires.values():
            await stack.enter_async_context(wire.listening(port))
        environment = _environment(place, ports, more, database_url, redis_url, size)
        lab = platform.lab(ports, environment, None, speed=1.0)
        numbers = f"{LIVE_NUMBER},{RELAY_NUMBER},{MESSAGE_NUMBER}"
        lab = replace(lab, environment={**lab.environment, "LAB_NUMBERS": numbers}, restarts=False)
        supervisor.start([postgres, redis, lab])
        database = DatabaseSettings(database_url=SecretStr(database_url))
        await asyncio.to_thread(migrate.upgrade, database)
        programs = _programs(size, more, environment, place)
        # the wires turn in this thread: only the waiting may leave it
        for program in supervisor.begin(programs):
            await asyncio.to_thread(wait_until_ready, program)
        addresses = ports.addresses()
        key = desk_key(database, environment["API_KEY_PEPPER"])
        await asyncio.to_thread(_prepare, addresses["gateway"], key)
        running = Stage(
            place, supervisor, {name: wire for name, (wire, _) in wires.items()}, addresses, database_url, redis_url,
            environment, {program.name: program for program in [postgres, redis, *programs]}, more,
        )  # fmt: skip
        try:
            yield running
        finally:
            for name in supervisor.process_ids():
                running.signal_all(name, signal.SIGKILL)


def _wires(size: Size, ports: Ports, more: Mapping[str, int]) -> dict[str, tuple[Wire, int]]:
    def instances(tier: str, count: int) -> list[tuple[str, int]]:
        return [("127.0.0.1", more[f"{tier}_{number}"]) for number in range(1, count + 1)]

    stores = {"postgres": ports.postgres, "redis": ports.redis}
    vendors = {"kayako": ports.lab_kayako, "deepgram": ports.lab_deepgram, "openai": ports.lab_openai}
    single = {
        name: (Wire(name, [("127.0.0.1", port)]), more[f"wire_{name}"]) for name, port in (stores | vendors).items()
    }
    tiers = {"gateway": size.gateways, "voice": size.voices, "knowledge": size.knowledges}
    shared = {tier: (Wire(tier, instances(tier, count)), getattr(ports, tier)) for tier, count in tiers.items()}
    return single | shared


def _environment(
    place: Place, ports: Ports, more: Mapping[str, int], database_url: str, redis_url: str, size: Size
) -> dict[str, str]:
    def wired(name: str) -> str:
        return f"http://127.0.0.1:{more[f'wire_{name}']}"

    stores = platform.Servers(
        database_url=_at_port(database_url, more["wire_postgres"]),
        redis_url=_at_port(redis_url, more["wire_redis"]),
        chroma_url=ports.addresses()["chroma"],
    )
    ours = platform.settings(place, ports, stores, {})
    return {
        **ours,
        "DEEPGRAM_URL": wired("deepgram"),
        "OPENAI_BASE_URL": f"{wired('openai')}/v1",
        "KAYAKO_URL": wired("kayako"),
        # the lab's vectors are made up; nobody asks for them while there is no Chroma
        "KNOWLEDGE_EMBEDDINGS": "openai",
        **size.settings,
    }


def _at_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}"))


def _programs(size: Size, more: Mapping[str, int], environment: Mapping[str, str], place: Place) -> list[Program]:
    beats = place.folder / "beats"
    beats.mkdir(exist_ok=True)
    found = []
    for name in size.programs():
        tier, _, number = name.rpartition("-")
        if tier in ("gateway", "voice", "knowledge"):
            address = f"http://127.0.0.1:{more[f'{tier}_{number}']}"
            found.append(replace(platform.web(tier, address, environment), name=name))
        elif tier.startswith("worker-"):
            queue = Queue(tier.removeprefix("worker-"))
            (beats / number).mkdir(exist_ok=True)
            worker = platform.worker(queue, environment, beats / number)
            found.append(replace(worker, name=name, niceness=BEHIND_CALLS))
        else:
            (beats / number).mkdir(exist_ok=True)
            beating = platform.beating(tier, (tier,), environment, beats / number)
            found.append(replace(beating, name=name, niceness=BEHIND_CALLS))
    return found


def _prepare(gateway: str, key: str) -> None:
    """The sample company's assistants, and its articles, which are found by their words from now on."""
    api = PlatformApi(gateway, key)
    try:
        usual = json.loads(AGENT.read_text(encoding="utf-8"))
        usual = {**usual, "other_voices": [SECOND_VOICE]}
        api.create_agent(usual)
        api.create_agent({**usual, "name": "Relay", "transport": "conversation_relay", "numbers": [RELAY_NUMBER]})
        alone = {"transfer_number": None, "takes_messages": True, "numbers": [MESSAGE_NUMBER]}
        api.create_agent({**usual, "name": "Messages", **alone})
        for path in sorted(ARTICLES.glob("*.md")):
            api.upload(path, usual["knowledge_collection"])
    finally:
        api.close()
