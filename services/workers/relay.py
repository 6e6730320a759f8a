"""Publishes what is due in the outbox. At least once: a crash between publishing and marking publishes again.

Any number of relays may run: each takes rows that no other one holds. While Redis is away rows wait where they are.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Protocol

from celery import Celery
from kombu.exceptions import OperationalError as BrokerAway
from redis.exceptions import RedisError
from sqlalchemy import Float, cast, extract, func, select
from sqlalchemy.exc import SQLAlchemyError

from services.workers.app import BackgroundSettings, make_app
from services.workers.durable import TRACE
from services.workers.heartbeat import Heartbeat
from services.workers.waking import Waker
from shared.contracts.tasks import TaskName
from shared.database.engine import Sessions, database_address, make_engine, sync_sessions
from shared.database.models import OutboxRow
from shared.messaging.outbox import CHANNEL, due_rows, next_due
from shared.observability.logs import configure, get_logger
from shared.resilience.backoff import backoff
from shared.settings import DatabaseSettings, load_or_exit

log = get_logger(__name__)

BATCH = 50
POLL_S = 2.0
"""Longest wait between two looks: the net below lost notifications."""
POLL_WITHOUT_NEWS_S = 0.5
"""The same behind a PgBouncer, which loses every notification."""
SOCKET_S = 5
"""A silent Redis is noticed after this long, well before PostgreSQL ends an idle transaction (15 s)."""
PUT_OFF = timedelta(hours=1)
"""A row whose task this version does not know waits for a newer relay."""
AWAY = (BrokerAway, RedisError, OSError)
"""The broker did not take a message."""


class RelaySettings(BackgroundSettings, DatabaseSettings):
    """What the relay needs."""


class Publish(Protocol):
    """Hands one row to the broker. Raises one of AWAY when it did not take it."""

    def __call__(self, row: OutboxRow) -> None:
        """Publish the row."""
        ...


def celery_publisher(app: Celery) -> Publish:
    """Publishes rows as tasks: the row's id is the task's id, so that a second delivery is recognised."""

    def publish(row: OutboxRow) -> None:
        app.send_task(
            row.task,
            kwargs=row.payload,
            task_id=str(row.id),
            queue=TaskName(row.task).queue.value,
            headers={TRACE: row.trace_id},
            retry=False,  # the relay's own waits do that, outside the transaction
        )

    return publish


def forward_batch(sessions: Sessions, publish: Publish, limit: int = BATCH) -> int:
    """Publish what is due and mark it; the number of rows dealt with.

    Raises one of AWAY when the broker stops taking messages, after marking those that it took.
    """
    dealt_with = 0
    with sessions.begin() as session:
        for row in session.scalars(due_rows(limit)).all():
            try:
                publish(row)
            except AWAY:
                if dealt_with == 0:
                    raise
                break
            except ValueError:
                log.warning("task_unknown", task=row.task)
                row.due_at = func.now() + PUT_OFF
            else:
                row.sent_at = func.clock_timestamp()
            dealt_with += 1
    return dealt_with


def until_next(sessions: Sessions) -> float:
    """Seconds until the next row is due; infinite when none waits."""
    distance = cast(extract("epoch", next_due().scalar_subquery() - func.now()), Float)
    with sessions() as session:
        seconds = session.scalar(select(distance))
    return math.inf if seconds is None else max(0.0, seconds)


class Relay:
    """The loop around `forward_batch`: drain, then wait for news, for the next due row, or for a signal."""

    def __init__(self, sessions: Sessions, publish: Publish, waker: Waker, heartbeat: Heartbeat, poll_s: float) -> None:
        self._sessions = sessions
        self._publish = publish
        self._waker = waker
        self._heartbeat = heartbeat
        self._poll_s = poll_s

    def run(self) -> None:
        """Until a stop signal. Outages of either side are waited for, as long as they last."""
        waits = backoff(0.2, 5.0)
        while not self._waker.stopped:
            self._heartbeat.beat()
            try:
                more = forward_batch(self._sessions, self._publish) == BATCH
                wait = 0.0 if more else min(self._poll_s, until_next(self._sessions))
            except (*AWAY, SQLAlchemyError) as error:
                wait = next(waits)
                log.warning("relay_waits", error=type(error).__name__, delay_s=round(wait, 1))
                self._waker.pause(wait)
                continue
            waits = backoff(0.2, 5.0)
            if wait > 0:
                self._waker.wait(wait)


def main() -> None:
    """The relay process."""
    settings = load_or_exit(RelaySettings)
    configure("relay", settings.log_level)
    engine = make_engine(settings, "relay")
    app = make_app(settings, SOCKET_S)
    deaf = settings.database_behind_pgbouncer
    heartbeat = Heartbeat(settings.heartbeat_file)
    heartbeat.clear()
    with Waker(None if deaf else database_address(settings), CHANNEL) as waker:
        log.info("relay_started")
        poll_s = POLL_WITHOUT_NEWS_S if deaf else POLL_S
        Relay(sync_sessions(engine), celery_publisher(app), waker, heartbeat, poll_s).run()
    app.close()
    engine.dispose()
    log.info("relay_stopped")
