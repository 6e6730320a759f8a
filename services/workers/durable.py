"""A task that may run twice, waits its turn, and gives up in public."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from billiard.exceptions import SoftTimeLimitExceeded
from celery import Task, current_task
from sqlalchemy.exc import DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.errors import Busy, Transient, is_full
from shared.observability.context import bound
from shared.observability.logs import get_logger

if TYPE_CHECKING:
    BaseTask = Task[..., Any]
else:
    BaseTask = Task

log = get_logger(__name__)

TRACE = "trace_id"
"""The message header that carries the trace id of the conversation a task belongs to."""
FIRST_WAIT_S = 2.0
MOST_TRIES = 10
"""With waits that double from two seconds to five minutes: about twenty minutes."""
HEALS = (
    Transient,
    OperationalError,
    InterfaceError,
    DisconnectionError,
    PoolTimeout,
    psycopg.OperationalError,
    SoftTimeLimitExceeded,
)
"""What a later try may not meet again."""


class DurableTask(BaseTask):
    """Base of every task. Runs under the trace id of its message; retries what heals, at the time the error names."""

    abstract = True
    acks_late = True
    max_retries = MOST_TRIES
    default_retry_delay = 2
    """Seconds until a task whose process was lost is tried again."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        headers = self.request.headers or {}
        with bound(trace_id=str(headers.get(TRACE, "")), task=self.name, task_id=str(self.request.id)):
            try:
                return self.run(*args, **kwargs)
            except Exception as error:
                if not heals(error):
                    raise
                tries = self.request.retries
                most = tries + 1 if isinstance(error, Busy) else self.max_retries
                if tries >= most:
                    raise
                wait = wait_s(error, tries, float(self.app.conf.longest_wait_s))
                if isinstance(error, Busy):
                    # `retry` adds one: a task that waited its turn still has all its tries when it fails
                    self.request.retries = tries - 1
                log.warning("task_waits", error=type(error).__name__, attempt=tries + 1, delay_s=wait)
                raise self.retry(exc=error, countdown=wait, max_retries=most) from error


def heals(error: BaseException | None) -> bool:
    """Whether a later try may go well: the error says so, the disk is full, or a time limit struck first.

    A limit interrupts anything, a transaction of the database's client too, which then ends with an error of its own.
    """
    first = error
    while error is not None:
        if isinstance(error, SoftTimeLimitExceeded):
            return True
        error = error.__cause__ or error.__context__
    return isinstance(first, HEALS) or is_full(first)


def wait_s(error: Exception, retries: int, longest_s: float) -> float:
    """Seconds until the next try: what the error asks for, else growing; never longer than Redis was told."""
    asked = error.retry_after if isinstance(error, Transient) else None
    growing = FIRST_WAIT_S * 2**retries
    lowest, highest = (asked, asked * 1.1) if asked is not None else (growing / 2, growing)
    wait = random.uniform(lowest, highest)  # noqa: S311  (spreads load; guards nothing)
    return round(min(wait, longest_s), 1)


def delivery() -> UUID:
    """The id of the running task: the same at every delivery and every try."""
    return UUID(current_task.request.id)
