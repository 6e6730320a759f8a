"""Who agreed to be called and who asked not to be: all SQL of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from shared.contracts.calls import PermissionKind, PermissionSource
from shared.database.models import CallPermission
from shared.errors import NotFound
from shared.record.permissions import permitting


class Permissions:
    """Reads and writes them within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def note(self, number: str, kind: PermissionKind, evidence: str) -> tuple[CallPermission, bool]:
        """What is in force now, and whether it is new."""
        made = await self._session.scalar(
            permitting(number, kind, PermissionSource.API, evidence).returning(CallPermission.id)
        )
        in_force = select(CallPermission).where(
            CallPermission.number == number, CallPermission.kind == kind, CallPermission.withdrawn_at.is_(None)
        )
        return (await self._session.scalars(in_force)).one(), made is not None

    async def page(
        self, number: str | None, kind: PermissionKind | None, limit: int, offset: int
    ) -> tuple[Sequence[CallPermission], int]:
        """A page, the newest first, those withdrawn among them, and how many there are in all."""
        conditions = [
            *([CallPermission.number == number] if number is not None else []),
            *([CallPermission.kind == kind] if kind is not None else []),
        ]
        newest = select(CallPermission).where(*conditions).order_by(CallPermission.given_at.desc(), CallPermission.id)
        found = (await self._session.scalars(newest.limit(limit).offset(offset))).all()
        count = await self._session.scalar(select(func.count()).select_from(CallPermission).where(*conditions))
        return found, count or 0

    async def withdraw(self, permission_id: UUID, now: datetime) -> None:
        """It holds no more from now on; the row stays. Raises NotFound."""
        withdrawing = (
            update(CallPermission)
            .where(CallPermission.id == permission_id)
            .values(withdrawn_at=func.coalesce(CallPermission.withdrawn_at, now))
        )
        if await self._session.scalar(withdrawing.returning(CallPermission.id)) is None:
            raise NotFound("there is no such permission")

    async def in_force(self, number: str) -> set[PermissionKind]:
        """What holds for this number."""
        found = await self._session.scalars(
            select(CallPermission.kind).where(CallPermission.number == number, CallPermission.withdrawn_at.is_(None))
        )
        return {PermissionKind(kind) for kind in found}
