"""Deletes rows that were only kept to recognise repeats. Nothing of a conversation is deleted here."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from shared.database.base import Base
from shared.database.engine import Sessions
from shared.database.models import DeadLetter, InboxRow, OutboxRow, PeriodClaim
from shared.observability.logs import get_logger

log = get_logger(__name__)

SENT_ROWS = timedelta(days=7)
INBOX = timedelta(days=14)
"""Longer than any message can still be delivered again."""
CLAIMS = timedelta(days=14)
REPLAYED = timedelta(days=30)
"""Dead letters that were replayed; the others stay until somebody has dealt with them."""
AT_ONCE = 5000


def prune(sessions: Sessions) -> int:
    """Delete in batches, each in a transaction of its own; how many rows went."""
    rules: list[tuple[type[Base], ColumnElement[bool]]] = [
        (OutboxRow, _older(OutboxRow.sent_at, SENT_ROWS)),
        (InboxRow, _older(InboxRow.taken_at, INBOX)),
        (PeriodClaim, _older(PeriodClaim.claimed_at, CLAIMS)),
        (DeadLetter, _older(DeadLetter.replayed_at, REPLAYED)),
    ]
    removed = sum(_delete(sessions, table, rule) for table, rule in rules)
    log.info("records_pruned", removed=removed)
    return removed


def _older(moment: InstrumentedAttribute[object], age: timedelta) -> ColumnElement[bool]:
    return moment < func.now() - age


def _delete(sessions: Sessions, table: type[Base], rule: ColumnElement[bool]) -> int:
    key = list(table.__table__.primary_key)
    batch = select(*key).where(rule).limit(AT_ONCE).with_for_update(skip_locked=True)
    removing = delete(table).where(tuple_(*key).in_(batch)).returning(key[0])
    removed = 0
    while True:
        with sessions.begin() as session:
            went = len(session.execute(removing).all())
        removed += went
        if went < AT_ONCE:
            return removed
