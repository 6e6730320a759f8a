"""The outbox: a task is written in the transaction that made it necessary, and published by the relay.

Delivery is at least once. Nothing else in the platform publishes tasks.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Update, func, select, update

from shared.contracts.tasks import TaskName
from shared.database.models import OutboxRow
from shared.observability.context import current_trace_id

CHANNEL = "outbox"
"""PostgreSQL notifies this channel for each insert or pull forward, so that the relay need not poll fast."""


def outbox_row(task: TaskName, about: UUID, delay: timedelta | None = None, **identifiers: Any) -> OutboxRow:
    """A row to `session.add()`; it becomes a task when the transaction commits.

    `about` names what the task is for, under the key the task expects in `identifiers`; identifiers are ids and small
    numbers, never a caller's data.
    """
    row = OutboxRow(
        task=task.value,
        order_key=str(about),
        payload={key: str(value) if isinstance(value, UUID) else value for key, value in identifiers.items()},
        trace_id=current_trace_id(),
    )
    if delay is not None:
        row.due_at = func.now() + delay
    return row


def due_rows(limit: int) -> Select[OutboxRow]:
    """Rows to publish now, oldest first, leaving those that another relay holds."""
    waiting = OutboxRow.sent_at.is_(None) & (OutboxRow.due_at <= func.now())
    return select(OutboxRow).where(waiting).order_by(OutboxRow.due_at).limit(limit).with_for_update(skip_locked=True)


def next_due() -> Select[datetime | None]:
    """When the earliest waiting row is due."""
    return select(func.min(OutboxRow.due_at)).where(OutboxRow.sent_at.is_(None))


def pull_forward(task: TaskName, about: UUID) -> Update:
    """Make the waiting row of this task due now; changes nothing when it was sent already."""
    return (
        update(OutboxRow)
        .where(OutboxRow.task == task.value, OutboxRow.order_key == str(about), OutboxRow.sent_at.is_(None))
        .values(due_at=func.now())
    )
