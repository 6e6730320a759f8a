"""Calls as the API shows them: all SQL of `/api/v1/calls`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.contracts.conversations import Channel, Outcome
from shared.database.models import Agent, Call, CallSession, Charge, Conversation, Recording, Ticket, Transfer, Turn
from shared.errors import NotFound
from shared.record.figures import Billed, Cost, cost_of


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call with what belongs to it."""

    call: Call
    conversation: Conversation
    agent_name: str
    ticket: Ticket | None
    transfer: Transfer | None
    sessions: Sequence[CallSession]
    charges: Sequence[Charge]
    recordings: Sequence[Recording]
    """What Twilio has recorded, the oldest first."""

    @property
    def cost(self) -> Cost:
        """What it cost, as far as that is known by now."""
        is_closed = self.conversation.closed_at is not None
        return cost_of(Billed(self.call, is_closed, self.sessions, self.charges, self.transfer, self.recordings))


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
        return await self._with_figures(rows.all()), await self._session.scalar(count) or 0

    async def one(self, call_id: UUID) -> CallRecord:
        """The call. Raises NotFound."""
        row = (await self._session.execute(_records().where(Call.id == call_id))).one_or_none()
        if row is None:
            raise NotFound("there is no such call")
        return (await self._with_figures([row]))[0]

    async def _with_figures(
        self, rows: Sequence[Row[Call, Conversation, str, Ticket | None, Transfer | None]]
    ) -> list[CallRecord]:
        """These calls with what was used for them, read for all of them at once."""
        calls = [call.id for call, *_ in rows]
        conversations = [conversation.id for _, conversation, *_ in rows]
        sessions = await self._session.scalars(
            select(CallSession).where(CallSession.call_id.in_(calls)).order_by(CallSession.generation)
        )
        charges = await self._session.scalars(
            select(Charge)
            .where(Charge.conversation_id.in_(conversations))
            .order_by(Charge.provider, Charge.item, Charge.unit, Charge.contributor)
        )
        recordings = await self._session.scalars(
            select(Recording).where(Recording.call_id.in_(calls)).order_by(Recording.created_at)
        )
        of_call = _by(sessions, lambda session: session.call_id)
        charged = _by(charges, lambda charge: charge.conversation_id)
        recorded = _by(recordings, lambda recording: recording.call_id)
        return [
            CallRecord(
                *row, of_call.get(row.Call.id, []), charged.get(row.Conversation.id, []), recorded.get(row.Call.id, [])
            )
            for row in rows
        ]

    async def turns(self, conversation_id: UUID) -> Sequence[Turn]:
        """What was said, in order."""
        found = select(Turn).where(Turn.conversation_id == conversation_id).order_by(Turn.number)
        return (await self._session.scalars(found)).all()


Found = TypeVar("Found")


def _by(rows: Iterable[Found], key: Callable[[Found], UUID]) -> dict[UUID, list[Found]]:
    grouped: dict[UUID, list[Found]] = {}
    for row in rows:
        grouped.setdefault(key(row), []).append(row)
    return grouped


def _records() -> Select[Call, Conversation, str, Ticket | None, Transfer | None]:
    return (
        select(Call, Conversation, Agent.name, Ticket, Transfer)
        .join(Conversation, Conversation.id == Call.conversation_id)
        .join(Agent, Agent.id == Conversation.agent_id)
        .outerjoin(Ticket, Ticket.conversation_id == Conversation.id)
        .outerjoin(Transfer, Transfer.call_id == Call.id)
    )
