"""The relay: nothing is lost, whatever dies; nothing goes twice unless something died."""

from __future__ import annotations

import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import func, select, text

from lab.stack import servers as server_programs
from lab.stack.place import Place
from lab.stack.ports import free_ports
from lab.stack.program import start, stop, wait_until_ready
from services.workers.app import BackgroundSettings, make_app
from services.workers.relay import celery_publisher, forward_batch, until_next
from shared.contracts.tasks import Queue, TaskName
from shared.database.engine import Sessions
from shared.database.models import OutboxRow
from shared.messaging.outbox import outbox_row, pull_forward
from tests.background import Background, ends, messages
from tests.waiting import wait_for


class Killed(BaseException):
    """The process is gone."""


def add(sessions: Sessions, count: int, **more: Any) -> None:
    with sessions.begin() as session:
        for _ in range(count):
            about = uuid4()
            row = outbox_row(TaskName.RECORD_CONVERSATION, about, conversation_id=about, **more)
            row.trace_id = "a" * 32
            session.add(row)


def unsent(sessions: Sessions) -> int:
    with sessions() as session:
        return session.scalar(select(func.count()).where(OutboxRow.sent_at.is_(None))) or 0


def queued(address: str, queue: Queue = Queue.ANALYTICS) -> list[dict[str, Any]]:
    with redis.Redis.from_url(address) as client:
        raw: list[bytes] = client.lrange(queue.value, 0, -1)
    return [orjson.loads(message)["headers"] for message in raw]


def published(address: str) -> Counter[str]:
    return Counter(message["id"] for message in queued(address))


@pytest.fixture
def settings(redis_url: str) -> BackgroundSettings:
    return BackgroundSettings(redis_url=SecretStr(redis_url))


def test_a_row_becomes_a_task_with_its_id_its_trace_and_nothing_else(
    sessions: Sessions, redis_url: str, settings: BackgroundSettings
) -> None:
    add(sessions, 1)
    app = make_app(settings)
    assert forward_batch(sessions, celery_publisher(app)) == 1
    app.close()
    with sessions() as session:
        row = session.scalars(select(OutboxRow)).one()
    (message,) = queued(redis_url)
    assert message["id"] == str(row.id)
    assert message["task"] == "analytics.record_conversation"
    assert message["trace_id"] == "a" * 32
    assert row.sent_at is not None


def test_a_relay_that_dies_between_sending_and_marking_sends_again(
    sessions: Sessions, redis_url: str, settings: BackgroundSettings
) -> None:
    add(sessions, 3)
    app = make_app(settings)
    publish = celery_publisher(app)
    sent: list[UUID] = []

    def dies_after_the_second(row: OutboxRow) -> None:
        publish(row)
        sent.append(row.id)
        if len(sent) == 2:
            raise Killed

    with pytest.raises(Killed):
        forward_batch(sessions, dies_after_the_second)
    assert unsent(sessions) == 3
    assert forward_batch(sessions, publish) == 3
    app.close()
    assert sorted(published(redis_url).values()) == [1, 2, 2]


def test_what_was_taken_before_the_broker_went_away_is_marked(sessions: Sessions) -> None:
    add(sessions, 5)
    taken: list[UUID] = []

    def breaks(row: OutboxRow) -> None:
        if len(taken) == 2:
            raise ConnectionError
        taken.append(row.id)

    assert forward_batch(sessions, breaks) == 2
    assert unsent(sessions) == 3
    with pytest.raises(ConnectionError):
        forward_batch(sessions, breaks)
    assert unsent(sessions) == 3


def test_a_task_of_a_newer_version_waits_and_holds_nothing_up(sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.add(OutboxRow(task="messages.send", order_key="x", payload={}))
    add(sessions, 1)

    def publish(row: OutboxRow) -> None:
        TaskName(row.task)

    forward_batch(sessions, publish)
    assert unsent(sessions) == 1
    assert until_next(sessions) > 3000


def test_two_relays_send_everything_once_and_at_once(programs: Background, sessions: Sessions, redis_url: str) -> None:
    first, second = programs.relay(), programs.relay()
    programs.wait()
    for _ in range(8):
        add(sessions, 50)
    wait_for(lambda: unsent(sessions) == 0, 15, "400 rows to be sent")
    assert len(published(redis_url)) == 400
    assert set(published(redis_url).values()) == {1}
    # news wake a relay: its own look comes only every two seconds
    waits = []
    for _ in range(5):
        before = messages(redis_url, Queue.ANALYTICS)
        began = time.monotonic()
        add(sessions, 1)
        wait_for(lambda: messages(redis_url, Queue.ANALYTICS) > before, 5, "the row to be sent")  # noqa: B023
        waits.append(time.monotonic() - began)
    assert sorted(waits)[2] < 0.5
    # a connection that breaks is made again
    with sessions.begin() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'callwright-relay%'"
            )
        )
    add(sessions, 5)
    wait_for(lambda: unsent(sessions) == 0, 15, "rows to be sent after the connections broke")
    for relay in (first, second):
        relay.process.send_signal(signal.SIGTERM)
    assert [ends(first, 5), ends(second, 5)] == [0, 0]


def test_a_row_goes_when_it_is_due_or_pulled_forward(programs: Background, sessions: Sessions, redis_url: str) -> None:
    programs.relay()
    programs.wait()
    about, soon = uuid4(), uuid4()
    with sessions.begin() as session:
        late = outbox_row(TaskName.OPEN_TICKET, about, ticket_id=about)
        late.due_at = func.now() + text("interval '1 hour'")
        due = outbox_row(TaskName.OPEN_TICKET, soon, ticket_id=soon)
        due.due_at = func.now() + text("interval '700 milliseconds'")
        session.add_all([late, due])
    began = time.monotonic()
    wait_for(lambda: messages(redis_url, Queue.TICKETS) == 1, 5, "the row that became due")
    assert 0.4 < time.monotonic() - began < 1.8
    wait_for(lambda: unsent(sessions) == 1, 5, "the row to be marked")
    with sessions.begin() as session:
        session.execute(pull_forward(TaskName.OPEN_TICKET, about))
    wait_for(lambda: messages(redis_url, Queue.TICKETS) == 2, 5, "the row that was pulled forward")


def test_while_redis_is_away_rows_wait_and_then_go(programs: Background, sessions: Sessions, tmp_path: Path) -> None:
    place = Place(tmp_path)
    program, address = server_programs.redis_server(place, *free_ports(1))
    server = start(program, place.logs)
    wait_until_ready(server)
    relay = programs.relay(REDIS_URL=address)
    programs.wait()
    add(sessions, 10)
    wait_for(lambda: unsent(sessions) == 0, 10, "rows to be sent")
    stop([server])
    add(sessions, 10)
    wait_for(lambda: "relay_waits" in relay.log.read_text(), 10, "the relay to notice")
    assert unsent(sessions) == 10
    assert relay.ended is None
    server = start(program, place.logs)
    try:
        wait_until_ready(server)
        wait_for(lambda: unsent(sessions) == 0, 20, "rows to be sent after Redis came back")
        assert len(published(address)) == 20, "the append-only file kept the first ten"
    finally:
        stop([server])
