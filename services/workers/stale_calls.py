"""Closes conversations whose end one of the two sides never reported."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from shared.database.engine import Sessions
from shared.database.models import Call, Conversation
from shared.observability.context import bound
from shared.observability.logs import get_logger
from shared.record.closing import close_if_over, one_sided

log = get_logger(__name__)
MOST_AT_ONCE = 200


def close_stale(sessions: Sessions, now: datetime) -> int:
    """Close each such conversation in a transaction of its own; how many were closed."""
    stale = select(Call.id, Conversation.trace_id).join(Conversation).where(one_sided(now)).limit(MOST_AT_ONCE)
    with sessions() as session:
        found = session.execute(stale).all()
    closed = 0
    for call_id, trace_id in found:
        with bound(trace_id=trace_id):
            closed += _close(sessions, call_id, now)
    if closed:
        log.warning("stale_calls_closed", count=closed)
    return closed


def _close(sessions: Sessions, call_id: UUID, now: datetime) -> bool:
    """Close it unless its other side has reported meanwhile, or another run deals with it."""
    with sessions.begin() as session:
        still = (
            select(Conversation.id)
            .join(Call)
            .where(Call.id == call_id, one_sided(now))
            .with_for_update(of=Conversation, skip_locked=True)
        )
        return session.scalars(still).first() is not None and close_if_over(session, call_id, now, stale=True)
