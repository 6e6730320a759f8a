"""Background work while Redis stands still and dies: nothing is lost, and everybody comes back by themselves."""

from __future__ import annotations

import re
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import func, select

from lab.stack.ports import free_ports
from services.workers.schedule import BeatSettings, TurningScheduler, beat_app
from shared.contracts.tasks import Queue
from shared.database.engine import Sessions
from shared.database.models import ConversationFacts, OutboxRow
from tests.background import Background, messages
from tests.conversations import a_conversation, close
from tests.redis_of_ones_own import redis_of_ones_own
from tests.waiting import wait_for

NOTICED_S = 20.0
BACK_WITHIN_S = 15.0


def outbox_seen(port: int) -> float:
    """How many rows the watch says are due."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
        found = re.search(r"^callwright_outbox_pending (\S+)$", answer.read().decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_a_redis_that_freezes_dies_and_returns_costs_time_alone(
    programs: Background, sessions: Sessions, tmp_path: Path
) -> None:
    def conversations(count: int) -> None:
        for _ in range(count):
            with sessions.begin() as session:
                close(session, a_conversation(session))

    def facts() -> int:
        with sessions() as session:
            return session.scalar(select(func.count()).select_from(ConversationFacts)) or 0

    def unsent() -> int:
        with sessions() as session:
            due = OutboxRow.due_at <= func.now()
            return session.scalar(select(func.count()).where(OutboxRow.sent_at.is_(None), due)) or 0

    (port,) = free_ports(1)
    with redis_of_ones_own(tmp_path) as redis:
        relay = programs.relay(REDIS_URL=redis.address)
        worker = programs.worker(Queue.ANALYTICS, REDIS_URL=redis.address)
        watch = programs.start("watch", REDIS_URL=redis.address, LISTEN_PORT=str(port))
        programs.wait()
        conversations(1)
        wait_for(lambda: facts() == 1, NOTICED_S, "the figures of the first conversation")
        redis.freeze()
        beat = programs.start("beat", REDIS_URL=redis.address)  # everything is due at its start
        conversations(3)
        wait_for(
            lambda: "relay_waits" in relay.log.read_text(), 10, "the relay to notice before PostgreSQL loses patience"
        )
        assert "InternalError" not in relay.log.read_text(), "the transaction was over before it was ended for us"
        wait_for(lambda: outbox_seen(port) >= 3, NOTICED_S, "the watch to show what waits")
        redis.kill()
        conversations(2)
        assert facts() == 1
        redis.start()
        wait_for(lambda: facts() == 6, BACK_WITHIN_S, "the figures of all conversations")
        wait_for(lambda: unsent() == 0, BACK_WITHIN_S, "everything to be sent")
        wait_for(lambda: messages(redis.address, Queue.MAINTENANCE) >= 5, BACK_WITHIN_S, "beat to send what was due")
        assert [running.ended for running in (relay, worker, watch, beat)] == [None] * 4


def test_beat_keeps_what_is_due_until_redis_takes_it(tmp_path: Path) -> None:
    with redis_of_ones_own(tmp_path) as redis, ThreadPoolExecutor(1) as beside:
        app = beat_app(BeatSettings(redis_url=SecretStr(redis.address)))
        scheduler = TurningScheduler(app)
        scheduler.tick()
        assert messages(redis.address, Queue.MAINTENANCE) == 1
        redis.kill()
        sending = beside.submit(scheduler.tick)
        redis.start()
        assert sending.result(BACK_WITHIN_S) == 0
        assert messages(redis.address, Queue.MAINTENANCE) == 2, "the append-only file has kept the first"
        app.close()
