"""Counts what the workers report about their tasks."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from celery import Celery
from celery.events import EventReceiver
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from services.workers import watch_metrics as metrics
from services.workers.schedule import PERIODIC
from shared.contracts.tasks import TaskName
from shared.observability.logs import get_logger
from shared.resilience.backoff import backoff

log = get_logger(__name__)

MOST_REMEMBERED = 50_000
"""Tasks whose end is awaited; the oldest are forgotten first."""
CONNECT_S = 5
OUTCOMES = {"task-succeeded": "succeeded", "task-retried": "retried", "task-failed": "failed"}


class TaskEvents:
    """Turns events into metrics. An event names its task only when it was sent or received: both are remembered."""

    def __init__(self) -> None:
        self._names: OrderedDict[str, TaskName] = OrderedDict()
        self._sent_at: dict[str, float] = {}

    def take(self, event: Mapping[str, Any]) -> None:
        """Count one event; those of tasks that were never introduced are left out."""
        kind, task_id = str(event.get("type")), str(event.get("uuid"))
        if kind in ("task-sent", "task-received"):
            self._introduce(task_id, str(event.get("name")))
            if kind == "task-sent":
                self._sent_at[task_id] = float(event["timestamp"])
        name = self._names.get(task_id)
        if name is None:
            return
        if kind == "task-started" and (sent_at := self._sent_at.pop(task_id, None)) is not None:
            wait = max(0.0, float(event["timestamp"]) - sent_at)
            metrics.task_wait_seconds.labels(queue=name.queue.value).observe(wait)
        if (outcome := OUTCOMES.get(kind)) is not None:
            self._count(name, outcome, event)

    def _introduce(self, task_id: str, name: str) -> None:
        try:
            self._names[task_id] = TaskName(name)
        except ValueError:
            return
        while len(self._names) > MOST_REMEMBERED:
            forgotten, _ = self._names.popitem(last=False)
            self._sent_at.pop(forgotten, None)

    def _count(self, name: TaskName, outcome: str, event: Mapping[str, Any]) -> None:
        metrics.tasks_total.labels(task=name.value, outcome=outcome).inc()
        if outcome != "succeeded":
            return
        if (seconds := event.get("runtime")) is not None:
            metrics.task_seconds.labels(task=name.value).observe(float(seconds))
        if name in PERIODIC:
            metrics.schedule_last_success.labels(job=name.value).set(float(event["timestamp"]))
        if name is TaskName.SWEEP_TICKETS and str(event.get("result")).isdigit():
            metrics.tickets_duplicate_total.inc(int(event["result"]))


class EventListener:
    """A thread that feeds events to `TaskEvents` until it is stopped; a broker that goes away is waited for."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._events = TaskEvents()
        self._stopping = threading.Event()
        self._receiver: EventReceiver | None = None
        self._thread = threading.Thread(target=self._listen, name="events")

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; returns within a second or two."""
        self._stopping.set()
        if self._receiver is not None:
            self._receiver.should_stop = True
        self._thread.join()

    def _listen(self) -> None:
        waits = backoff(0.5, 10.0)
        while not self._stopping.is_set():
            try:
                with self._app.connection_for_read() as connection:
                    connection.ensure_connection(max_retries=1, timeout=CONNECT_S)
                    waits = backoff(0.5, 10.0)
                    self._receiver = EventReceiver(connection, handlers={"*": self._events.take}, app=self._app)
                    self._receiver.should_stop = self._stopping.is_set()
                    self._receiver.capture(limit=None, timeout=None, wakeup=False)
            except (OperationalError, RedisError, OSError) as error:
                log.warning("events_lost", error=type(error).__name__)
                self._stopping.wait(next(waits))
