"""Runs the platform for the outside harness: `python -m tests.bench.harness.server [--full]`.

The harness says in `BENCH_PORT`, `DEEPGRAM_WS_URL`, `OPENAI_BASE_URL` and so on where its simulated vendors are. A
voice process listens on `BENCH_PORT`, a gateway on the port behind it, which is where the webhook step begins:

    run.py --server-cmd "python -m tests.bench.harness.server" --ready-url http://127.0.0.1:8765/health/ready
        --twiml-url http://127.0.0.1:8766/twilio/voice

PostgreSQL and Redis are started here when `DATABASE_URL` and `REDIS_URL` are not set; then they are part of what is
measured. Without `--full` the agent waits for the caller's first words and has no tools. With it, every question is
looked up in a knowledge room that knows one passage, and `/metrics` is read every five seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import Any

import httpx
from pydantic import SecretStr
from sqlalchemy import delete

from lab.stack import servers
from lab.stack.place import ROOT, Place, take
from lab.stack.ports import free_ports
from lab.stack.program import Program, answers_http, start, stop, wait_until_ready
from shared.contracts.conversations import EmailPolicy, Opening
from shared.database import migrate
from shared.database.engine import make_engine, sync_sessions
from shared.database.models import Agent, AgentNumber
from shared.settings import DatabaseSettings

NUMBER = "+15550002222"
"""The number that the harness's callers dial."""
SCRAPE_S = 5.0
WITHOUT_EXTRAS: Mapping[str, Any] = {
    "name": "bench, like for like",
    "opening": Opening.WAIT.value,
    "tools": [],
}
FULL: Mapping[str, Any] = {
    "name": "bench, full",
    "opening": Opening.WAIT.value,
    "tools": ["search_knowledge"],
}


def settings_of(environment: Mapping[str, str], stores: Mapping[str, str], knowledge: str) -> dict[str, str]:
    """Our settings, from the harness's environment."""
    port = int(environment["BENCH_PORT"])
    return {
        "PATH": environment["PATH"],
        "PUBLIC_URL": f"http://127.0.0.1:{port + 1}",
        "VOICE_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "KNOWLEDGE_URL": knowledge,
        "TICKETING_URL": "http://127.0.0.1:9",
        "SIGNING_KEY": base64.b64encode(b"signing key of 32 bytes, a test!").decode(),
        "API_KEY_PEPPER": "a pepper of the benchmark",
        "TWILIO_ACCOUNT_SID": environment["TWILIO_ACCOUNT_SID"],
        "TWILIO_AUTH_TOKEN": environment["TWILIO_AUTH_TOKEN"],
        "TWILIO_API_URL": environment["TWILIO_API_URL"],
        "DEEPGRAM_API_KEY": environment["DEEPGRAM_API_KEY"],
        "DEEPGRAM_URL": environment["DEEPGRAM_WS_URL"].replace("ws", "http", 1),
        "OPENAI_API_KEY": environment["OPENAI_API_KEY"],
        "OPENAI_BASE_URL": environment["OPENAI_BASE_URL"],
        "VOICE_ACKNOWLEDGE_MS": "0",  # the harness takes the first sound for the answer
        "VOICE_ANSWERS_AHEAD": environment.get("VOICE_ANSWERS_AHEAD", "true"),
        # one caller's number rings hundreds of times, and one process is to take them all
        "LIMIT_CALLS_PER_CALLER_PER_MINUTE": "100000",
        "LIMIT_CALLS_PER_NUMBER_PER_MINUTE": "100000",
        "LIMIT_SOCKETS_PER_PROCESS_PER_MINUTE": "100000",
        "VOICE_MOST_CALLS": "1000",
        "VOICE_LAME_DUCK_S": "0",
        "VOICE_DRAIN_S": "1",
        "LOG_LEVEL": environment.get("LOG_LEVEL", "info"),
        **stores,
    }


def room(name: str, port: int, settings: Mapping[str, str]) -> Program:
    """One of our processes."""
    return Program(
        name=name,
        command=[sys.executable, "-m", f"services.{name}"],
        environment={**settings, "LISTEN_PORT": str(port), "PYTHONPATH": str(ROOT)},
        ready=answers_http(f"http://127.0.0.1:{port}/health/ready"),
    )


def knowledge_room(port: int) -> Program:
    """A knowledge room that knows one passage, in a process of its own."""
    return Program(
        name="knowledge",
        command=[sys.executable, "-m", "tests.bench.harness.knowledge", str(port)],
        environment={**os.environ, "PYTHONPATH": str(ROOT)},
        ready=answers_http(f"http://127.0.0.1:{port}/health/ready"),
    )


def open_stores(place: Place, begin: Callable[[Program], None]) -> dict[str, str]:
    """The stores that are not given, started."""
    opened = {}
    for name, make in (("DATABASE_URL", servers.postgres), ("REDIS_URL", servers.redis_server)):
        if name in os.environ:
            opened[name] = os.environ[name]
            continue
        program, opened[name] = make(place, free_ports(1)[0])
        begin(program)
    return opened


def answer_with(agent: Mapping[str, Any], database: DatabaseSettings) -> None:
    """Have the harness's number answered by this agent."""
    values = {
        "company": "Fernway",
        "greeting": "Welcome to Fernway.",
        "email_policy": EmailPolicy.NEVER.value,
        **agent,
    }
    engine = make_engine(database, "bench")
    with sync_sessions(engine).begin() as session:
        session.execute(delete(AgentNumber).where(AgentNumber.number == NUMBER))
        found = session.query(Agent).filter_by(name=values["name"]).one_or_none()
        agent_row = found or Agent(**values)
        session.add(agent_row)
        session.flush()
        session.add(AgentNumber(number=NUMBER, agent_id=agent_row.id))
    engine.dispose()


async def until_stopped(metrics: str | None) -> None:
    """Wait for the harness to end us; read the metrics meanwhile, as a monitor would."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with httpx.AsyncClient(trust_env=False) as http:
        while not stopped.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), SCRAPE_S)
            if metrics is not None and not stopped.is_set():
                with suppress(httpx.HTTPError):
                    await http.get(metrics)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="knowledge and metrics too")
    full = parser.parse_args().full
    port = int(os.environ["BENCH_PORT"])
    with ExitStack() as stack:
        place = stack.enter_context(take("harness", fresh=True))

        def begin(program: Program) -> None:
            running = start(program, place.logs)
            stack.callback(stop, [running])
            wait_until_ready(running)

        stores = open_stores(place, begin)
        database = DatabaseSettings(database_url=SecretStr(stores["DATABASE_URL"]))
        migrate.upgrade(database)
        answer_with(FULL if full else WITHOUT_EXTRAS, database)
        knowledge = "http://127.0.0.1:9"
        if full:
            knowledge_port = free_ports(1)[0]
            begin(knowledge_room(knowledge_port))
            knowledge = f"http://127.0.0.1:{knowledge_port}"
        settings = settings_of(os.environ, stores, knowledge)
        begin(room("gateway", port + 1, settings))
        begin(room("voice", port, settings))
        asyncio.run(until_stopped(f"http://127.0.0.1:{port}/metrics" if full else None))


if __name__ == "__main__":
    main()
