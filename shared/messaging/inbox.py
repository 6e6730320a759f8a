"""The inbox: work that only touches our own database runs once per message, whatever is delivered twice."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.database.models import InboxRow


def first_delivery(session: Session, message_id: UUID, consumer: str) -> bool:
    """True once per message and consumer; the claim rolls back with the work it guards."""
    claim = insert(InboxRow).values(message_id=message_id, consumer=consumer).on_conflict_do_nothing()
    return session.execute(claim.returning(InboxRow.message_id)).first() is not None
