"""Calls as the API shows them: all SQL of `/api/v1/calls`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.contracts.conversations import Channel, Outcome
from shared.database.models import Agent, Call, Conversation, Recording, Ticket, Transfer, Turn
from shared.errors import NotFound


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call with what belongs to it."""

    call: Call
    conversation: Conversation
    agent_name: str
    ticket: Ticket | None
    transfer: Transfer | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls; None means all."""

    agent_id: UUID | None = None
    outcome: Outcome | None = None
    channel: Channel | None = None
    started_from: datetime | None = None
    started_to: datetime | None = None
    is_open: bool | None = None
    call_sid: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same as SQL."""
        found: list[ColumnElement[bool]] = []
        if self.agent_id is not None:
            found.append(Conversation.agent_id == self.agent_id)
        if self.outcome is not None:
            found.append(Conversation.outcome == self.outcome)
        if self.channel is not None:
            found.append(Conversation.channel == self.channel)
        if self.started_from is not None:
            found.append(Conversation.started_at >= self.started_from)
        if self.started_to is not None:
            found.append(Conversation.started_at < self.started_to)
        if self.is_open is not None:
            found.append(Conversation.closed_at.is_(None) if self.is_open else Conversation.closed_at.is_not(None))
        if self.call_sid is not None:
            found.append(Call.call_sid == self.call_sid)
        return found


class CallRecords:
    """Reads calls within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, wanted: Wanted, limit: int, offset: int) -> tuple[list[CallRecord], int]:
        """A page, newest first, and how many there are in all."""
        conditions = wanted.conditions()
        newest_first = (Conversation.started_at.desc(), Call.id)
        rows = await self._session.execute(
            _records().where(*conditions).order_by(*newest_first).limit(limit).offset(offset)
        )
        count = select(func.count()).select_from(Call).join(Conversation).where(*conditions)
        return [CallRecord(*row) for row in rows], await self._session.scalar(count) or 0

    async def one(self, call_id: UUID) -> CallRecord:
        """The call. Raises NotFound."""
        row = (await self._session.execute(_records().where(Call.id == call_id))).one_or_none()
        if row is None:
            raise NotFound("there is no such call")
        return CallRecord(*row)

    async def turns(self, conversation_id: UUID) -> Sequence[Turn]:
        """What was said, in order."""
        found = select(Turn).where(Turn.conversation_id == conversation_id).order_by(Turn.number)
        return (await self._session.scalars(found)).all()

    async def recordings(self, call_id: UUID) -> Sequence[Recording]:
        """What Twilio has recorded, the oldest first."""
        found = select(Recording).where(Recording.call_id == call_id).order_by(Recording.created_at)
        return (await self._session.scalars(found)).all()


def _records() -> Select[Call, Conversation, str, Ticket | None, Transfer | None]:
    return (
        select(Call, Conversation, Agent.name, Ticket, Transfer)
        .join(Conversation, Conversation.id == Call.conversation_id)
        .join(Agent, Agent.id == Conversation.agent_id)
        .outerjoin(Ticket, Ticket.conversation_id == Conversation.id)
        .outerjoin(Transfer, Transfer.call_id == Call.id)
    )
