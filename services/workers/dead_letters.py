"""Tasks that gave up: kept in PostgreSQL where people can read them, and sent again through the outbox on command."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from traceback import extract_tb
from types import TracebackType
from typing import Any
from uuid import UUID

from kombu import Message
from sqlalchemy import NullPool, create_engine, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from services.ticketing.adapters.ledger import unpark
from services.workers.durable import TRACE, DurableTask
from services.workers.schedule import PERIODIC
from shared.contracts.tasks import TaskName
from shared.database.engine import database_address
from shared.database.models import DeadLetter, OutboxRow
from shared.errors import CallwrightError
from shared.observability.logs import get_logger
from shared.settings import DatabaseSettings, load

log = get_logger(__name__)
LONGEST_REASON = 500
CONNECT_S = 5


def park(
    sender: DurableTask,
    task_id: str,
    exception: BaseException,
    kwargs: Mapping[str, Any],
    traceback: TracebackType | None = None,
    **_: object,
) -> None:
    """Receiver of `task_failure`: keep the task. What the clock started is not kept, its next period is its next try.

    The signal may come twice for one task, and in the parent of the worker processes: so the row is written at most
    once, over a connection that no later child inherits.
    """
    if sender.name in PERIODIC and not kwargs:
        return
    trace_id = str((sender.request.headers or {}).get(TRACE, ""))
    _keep(sender.name, task_id, kwargs, type(exception).__name__, reason_of(exception, traceback), trace_id)


def park_unknown(name: str, id: str, message: Message, **_: object) -> None:  # noqa: A002  (Celery's own names)
    """Receiver of `task_unknown`: keep what only a newer worker can do; Celery itself would drop it."""
    _, kwargs, _ = message.payload
    _keep(name, id, kwargs, "UnknownTask", "this version of the worker does not know the task", message.headers[TRACE])


def _keep(name: str, task_id: str, kwargs: Mapping[str, Any], error: str, reason: str, trace_id: str) -> None:
    letter = {
        "task_id": UUID(task_id),
        "task": name,
        "queue": name.partition(".")[0],
        "payload": dict(kwargs),
        "error": error,
        "reason": reason[:LONGEST_REASON],
        "trace_id": trace_id,
    }
    log.error("task_parked", task=name, task_id=task_id, error=error, reason=letter["reason"])
    try:
        _store(letter)
    except SQLAlchemyError:
        log.exception("dead_letter_lost", task=name, task_id=task_id)


def reason_of(exception: BaseException, where: TracebackType | None) -> str:
    """What people read. Only errors of our own speak for themselves: another's text may quote a caller."""
    if isinstance(exception, CallwrightError):
        return exception.detail
    frames = extract_tb(where) if isinstance(where, TracebackType) else []
    if not frames:
        return ""
    last = frames[-1]
    return f"in {last.name}, line {last.lineno} of {last.filename.rpartition('/')[2]}"


def _store(letter: Mapping[str, Any]) -> None:
    engine = create_engine(
        database_address(load(DatabaseSettings)),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"connect_timeout": CONNECT_S, "application_name": "callwright-dead-letters"},
    )
    with engine.begin() as connection:
        connection.execute(insert(DeadLetter).values(**letter).on_conflict_do_nothing())


def waiting(session: Session) -> Sequence[DeadLetter]:
    """Letters that were not replayed, oldest first."""
    return session.scalars(
        select(DeadLetter).where(DeadLetter.replayed_at.is_(None)).order_by(DeadLetter.failed_at)
    ).all()


def replay(session: Session, task_ids: Collection[UUID] | None) -> int:
    """Queue these letters again, or all that wait; how many there were. Replaying one twice does nothing."""
    chosen = select(DeadLetter).where(DeadLetter.replayed_at.is_(None)).with_for_update(skip_locked=True)
    if task_ids is not None:
        chosen = chosen.where(DeadLetter.task_id.in_(task_ids))
    letters = session.scalars(chosen).all()
    for letter in letters:
        about = _about(letter)
        row = OutboxRow(task=letter.task, order_key=str(about), payload=letter.payload, trace_id=letter.trace_id)
        session.add(row)
        letter.replayed_at = func.now()
        if letter.task == TaskName.OPEN_TICKET:
            unpark(session, about)
    return len(letters)


def _about(letter: DeadLetter) -> UUID:
    """What the task is about: the one id among its arguments; the letter itself when it has none."""
    ids = [UUID(value) for name, value in letter.payload.items() if name.endswith("_id")]
    return ids[0] if ids else letter.task_id
