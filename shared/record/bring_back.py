"""Writes what was kept of a call during an outage into the record: in order, and once however often it is tried."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from shared.contracts.calls import CallStatus, MediaState
from shared.contracts.tasks import TaskName
from shared.database.models import Call, CallSession, Charge, Conversation, Transfer, Turn
from shared.messaging.outbox import outbox_row
from shared.messaging.shared_values import AWAY
from shared.observability.logs import get_logger
from shared.record.closing import close_if_over
from shared.record.kept_calls import Held, KeptCall, KeptCalls, typed, values_of
from shared.record.telling import TELL, latest

log = get_logger(__name__)

_OF_A_GENERATION: Final = (
    "stream_generation",
    "media_state",
    "next_step",
    "transport",
    "stream_issued_at",
    "rounds_waited",
)
READ_AGAIN_WITHIN_S: Final = 0.5
"""The row of the call is locked meanwhile."""
_OF_A_STATUS: Final = ("status", "answered_at", "ended_at", "duration_seconds")
_UNKNOWN_END: Final[Mapping[str, None]] = {"outcome": None, "ended_at": None, "seconds": None}
"""Of a transfer whose person is still rung, or talks."""
_OF_A_CHECKPOINT: Final = ("checkpoint", "email", "email_confirmed", "notice_heard")


class Returning:
    """What is kept of one call, on its way into the record within somebody's transaction."""

    def __init__(self, kept_calls: KeptCalls, call_sid: str, held: Held, turns: list[tuple[bytes, Any]]) -> None:
        self._kept_calls = kept_calls
        self._call_sid = call_sid
        self._held = held
        self._turns = turns

    async def write(self, session: AsyncSession, now: datetime) -> None:
        """Into the record, as part of the transaction: what is kept now that nobody else can write of this call.

        Another process may have brought it back since it was read, or a voice process may have added to it. When Redis
        cannot say so any more, what was read is written; what the record knows better stays anyway.
        """
        of_the_call = select(Conversation.id).join(Call).where(Call.call_sid == self._call_sid)
        await session.execute(of_the_call.with_for_update(of=Conversation))
        with suppress(*AWAY):
            async with asyncio.timeout(READ_AGAIN_WITHIN_S):
                held = await self._kept_calls.read(self._call_sid)
                # turns without a snapshot belong to one that a voice process is about to write
                turns = await self._kept_calls.turns(self._call_sid) if held.value else []
                self._held, self._turns = held, turns
        if self._held.kept is not None:
            rows = [turn for _, turn in self._turns]
            await session.run_sync(bring_back, self._call_sid, self._held.kept, rows, now)

    async def committed(self) -> None:
        """The transaction has been committed: what it wrote need not be kept."""
        await self._kept_calls.forget(self._call_sid, self._held, [name for name, _ in self._turns])


async def returning(kept_calls: KeptCalls, call_sid: str) -> Returning | None:
    """What is kept of this call, if anything is. Raises AWAY."""
    held = await kept_calls.read(call_sid)
    return Returning(kept_calls, call_sid, held, await kept_calls.turns(call_sid)) if held.value else None


def bring_back(
    session: Session, call_sid: str, kept: KeptCall, turns: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    """The rows, made if they are missing and brought forward if not; the turns; the end, when it has come."""
    conversation = session.scalars(
        select(Conversation).join(Call).where(Call.call_sid == call_sid).with_for_update(of=Conversation)
    ).first()
    if conversation is None:
        if kept.profile is None:
            log.warning("kept_without_call", call_sid=call_sid, count=len(turns))
            return
        conversation = Conversation(**typed(Conversation, kept.conversation))
        session.add(conversation)
        session.flush()
        call = Call(**typed(Call, {**kept.call, "conversation_id": conversation.id}))
        session.add(call)
    else:
        call = session.scalars(select(Call).where(Call.conversation_id == conversation.id).with_for_update()).one()
        if conversation.closed_at is None:
            _bring_forward(call, conversation, kept)
    session.flush()
    if turns:
        rows = [typed(Turn, {**turn, "conversation_id": conversation.id}) for turn in latest(turns)]
        session.execute(TELL, rows)
    was_closed = conversation.closed_at is not None
    _bring_figures(session, call.id, conversation.id, kept)
    closed = close_if_over(session, call.id, now)
    if was_closed and kept.charges:  # its figures were added up without these
        session.add(outbox_row(TaskName.RECORD_CONVERSATION, conversation.id, conversation_id=conversation.id))
    log.info("call_brought_back", call_sid=call_sid, count=len(turns), state="closed" if closed else "open")


def _bring_figures(session: Session, call_id: UUID, conversation_id: UUID, kept: KeptCall) -> None:
    """Who was rung, unless a later attempt is known; what voice processes did and used, once."""
    known = typed(Transfer, kept.transfer or {})
    if known and "started_at" not in known:  # it began before the outage: only its end is news
        ends = {name: known.get(name) for name in _UNKNOWN_END}
        session.execute(update(Transfer).where(Transfer.call_id == call_id, Transfer.ended_at.is_(None)).values(ends))
    elif known:
        told = insert(Transfer).values({**_UNKNOWN_END, **known, "call_id": call_id})
        names = ("number", "mode", "started_at", *_UNKNOWN_END)
        session.execute(
            told.on_conflict_do_update(
                index_elements=[Transfer.call_id],
                set_={name: told.excluded[name] for name in names},
                where=or_(
                    Transfer.started_at < told.excluded.started_at,
                    and_(Transfer.started_at == told.excluded.started_at, Transfer.ended_at.is_(None)),
                ),
            )
        )
    if kept.sessions:
        rows = [{**typed(CallSession, row), "call_id": call_id} for row in kept.sessions]
        session.execute(insert(CallSession).values(rows).on_conflict_do_nothing())
    if kept.charges:
        rows = [{**typed(Charge, row), "conversation_id": conversation_id} for row in kept.charges]
        session.execute(insert(Charge).values(rows).on_conflict_do_nothing())


def _bring_forward(call: Call, conversation: Conversation, kept: KeptCall) -> None:
    """Nothing that the record knows better is changed: a later generation, or a status further on."""
    known, told = typed(Call, kept.call), typed(Conversation, kept.conversation)
    status = CallStatus(known.get("status", call.status))
    if status.rank > CallStatus(call.status).rank:
        _set(call, known, _OF_A_STATUS)
    if "media_state" not in known or _how_far(known) < _how_far(values_of(call)):
        return
    _set(call, {"next_step": None, **known}, _OF_A_GENERATION)
    conversation.outcome = told.get("outcome", conversation.outcome)
    if told.get("checkpoint"):
        _set(conversation, told, _OF_A_CHECKPOINT)


def _how_far(known: Mapping[str, Any]) -> tuple[int, int, int]:
    """How far a call has come: generation by generation, in each from waiting, round by round, to its end."""
    generation, rounds = known.get("stream_generation", 1), known.get("rounds_waited", 0)
    match MediaState(known["media_state"]):
        case MediaState.WAITING:
            return generation, 0, 2 * rounds
        case MediaState.EXPECTED:
            return generation, 0, 2 * rounds + 1
        case MediaState.CONNECTED:
            return generation, 1, 0
        case MediaState.PLAIN | MediaState.LOST | MediaState.FINISHED as state:
            return generation, 2, int(state is MediaState.FINISHED)


def _set(row: Call | Conversation, values: Mapping[str, Any], names: Sequence[str]) -> None:
    for name in names:
        if name in values:
            setattr(row, name, values[name])
