"""Who may be called, in the record: written by the API, and by a call in which somebody asked for no more."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import Insert, insert

from shared.contracts.calls import PermissionKind, PermissionSource
from shared.database.models import CallPermission


def permitting(
    number: str, kind: PermissionKind, source: PermissionSource, evidence: str = "", conversation_id: UUID | None = None
) -> Insert:
    """The statement that notes it; it changes nothing when the same is in force already."""
    noting = insert(CallPermission).values(
        number=number, kind=kind, source=source, evidence=evidence, conversation_id=conversation_id
    )
    return noting.on_conflict_do_nothing(
        index_elements=[CallPermission.number, CallPermission.kind], index_where=text("withdrawn_at IS NULL")
    )
