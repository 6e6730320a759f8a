"""`python -m tests.bench.tickets`: from the end of a conversation to its whole case, through every process in between.

Real PostgreSQL, Redis, relay and workers; the lab's Kayako answers each request after a given time, as a distant help
desk does. What is measured is the record's own: `tickets.opened_at` minus `conversations.closed_at`.
"""

# ruff: noqa: T201  (a report on standard output)

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles

from pydantic import SecretStr
from sqlalchemy import create_engine, func, select

from lab.kayako.desk import EMAIL, PASSWORD, DeskSettings
from lab.kayako.faults import KayakoFault
from lab.stack import servers
from lab.stack.place import take
from lab.stack.ports import free_ports
from lab.stack.program import start, stop, wait_until_ready
from shared.contracts.tasks import Queue
from shared.contracts.tickets import TicketState
from shared.database import migrate
from shared.database.engine import Sessions, database_address, sync_sessions
from shared.database.models import Conversation, Ticket
from shared.observability.logs import configure
from shared.settings import DatabaseSettings
from tests.background import background
from tests.conversations import a_conversation, an_agent, close
from tests.lab_kayako import LabKayako, lab_kayako
from tests.waiting import wait_for


@contextmanager
def stage(kayako: LabKayako) -> Iterator[Sessions]:
    """A stack with a relay and a worker for tickets, summaries and analytics each, of two processes."""
    with ExitStack() as stack:
        place = stack.enter_context(take("bench", fresh=True))
        postgres_port, redis_port = free_ports(2)
        postgres, database_url = servers.postgres(place, postgres_port)
        redis, redis_url = servers.redis_server(place, redis_port)
        running = [start(program, place.logs) for program in (postgres, redis)]
        stack.callback(stop, running)
        for server in running:
            wait_until_ready(server)
        settings = DatabaseSettings(database_url=SecretStr(database_url))
        migrate.upgrade(settings)
        environment = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "KAYAKO_URL": kayako.address,
            "KAYAKO_EMAIL": EMAIL,
            "KAYAKO_PASSWORD": PASSWORD,
        }
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        programs = stack.enter_context(background(environment, logs))
        programs.relay()
        for queue in (Queue.TICKETS, Queue.SUMMARIES, Queue.ANALYTICS):
            programs.worker(queue)
        programs.wait()
        engine = create_engine(database_address(settings))
        stack.callback(engine.dispose)
        yield sync_sessions(engine)


def run(sessions: Sessions, closings: int, every_s: float) -> float:
    """Close so many conversations, one every so often, and report how long their cases took; the seconds in all."""
    with sessions.begin() as session:
        agent = an_agent(session)
        calls = [a_conversation(session, agent, caller_address=f"+1312{number:07d}") for number in range(closings)]
    began = time.perf_counter()
    for number, call in enumerate(calls):
        time.sleep(max(0.0, began + number * every_s - time.perf_counter()))
        with sessions.begin() as session:
            close(session, call)

    def standing() -> int:
        with sessions() as session:
            return session.scalar(select(func.count()).where(Ticket.state == TicketState.OPEN)) or 0

    wait_for(lambda: standing() >= closings, 300, "every case to stand")
    took = time.perf_counter() - began
    with sessions() as session:
        delay = func.extract("epoch", Ticket.opened_at - Conversation.closed_at)
        joined = select(delay).join(Conversation, Conversation.id == Ticket.conversation_id)
        seconds = sorted(float(value) for value in session.scalars(joined))
    cuts = quantiles(seconds, n=100)
    _report_order(sessions)
    print(f"{closings} closings, one every {every_s} s, all standing after {took:.1f} s")
    print(
        f"close to ticket: p50 {cuts[49]:.2f} s, p95 {cuts[94]:.2f} s, p99 {cuts[98]:.2f} s, worst {seconds[-1]:.2f} s"
    )
    return took


def _report_order(sessions: Sessions) -> None:
    """How far tickets came to stand from their place in the order of their conversations' ends."""
    with sessions() as session:
        ended = list(session.scalars(select(Ticket.id).order_by(Ticket.created_at)))
        stood = {
            ticket_id: place
            for place, ticket_id in enumerate(session.scalars(select(Ticket.id).order_by(Ticket.opened_at)))
        }
    moved = sorted(abs(stood[ticket_id] - place) for place, ticket_id in enumerate(ended))
    print(f"places out of order: median {moved[len(moved) // 2]}, most {moved[-1]}")


@contextmanager
def away(kayako: LabKayako, seconds: float) -> Iterator[None]:
    """Kayako answers every request with a failure for the first so many seconds of the block."""

    def come_back() -> None:
        for fault in fired:
            print(f"away for {seconds:.0f} s, asked {fault.fired} times meanwhile")
        kayako.desk.faults.replace([fault for fault in kayako.desk.faults.active if fault not in fired])

    fired = [kayako.fail(KayakoFault.HTML_ERROR)] if seconds else []
    timer = threading.Timer(seconds, come_back)
    timer.start()
    yield
    timer.join()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--closings", type=int, default=100)
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two closings; 0 closes all at once")
    parser.add_argument("--kayako-ms", type=float, default=200, help="what the help desk takes for each answer")
    parser.add_argument("--away", type=float, default=0, help="seconds at the beginning in which the help desk fails")
    parser.add_argument("--per-minute", type=int, help="the help desk's limit per verb and resource")
    chosen = parser.parse_args()
    configure("bench", "error")
    with lab_kayako(DeskSettings(search_lag_s=0, requests_per_minute=chosen.per_minute)) as kayako:
        kayako.fail(KayakoFault.SLOW_ANSWER, seconds=chosen.kayako_ms / 1000)
        with stage(kayako) as sessions:
            with away(kayako, chosen.away):
                took = run(sessions, chosen.closings, chosen.every)
            if chosen.away:
                print(f"drained {took - chosen.away:.1f} s after the help desk was back")
        cases = [case for case in kayako.desk.cases.values() if case.tags]
        print(f"cases in the help desk: {len(cases)}, each with {len(cases[0].posts)} posts")


if __name__ == "__main__":
    main()
