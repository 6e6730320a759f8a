"""The rows of a call: found and locked, made once, changed as decided. All SQL of the webhooks is here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.webhooks.caller import caller_address
from services.gateway.webhooks.next_step import CallState
from services.gateway.webhooks.report import CallReport
from services.gateway.webhooks.transfer_outcome import talked_s
from shared.contracts.calls import (
    CallStatus,
    MediaState,
    NextStep,
    OutboundState,
    TransferMode,
    TransferOutcome,
    WhenFull,
)
from shared.contracts.conversations import Channel, Outcome
from shared.contracts.relay import Transport
from shared.database.models import Agent, AgentNumber, Call, Conversation, OutboundCall, Transfer
from shared.observability.context import current_trace_id
from shared.record.closing import close_if_over
from shared.record.kept_calls import call_id_of, conversation_id_of


@dataclass(slots=True)
class CallRows:
    """A call, its conversation and the agent that leads it; locked until the transaction's end."""

    call: Call
    conversation: Conversation
    agent: Agent
    transfer: Transfer | None

    def state(self, reported: CallStatus) -> CallState:
        """What the rows say; a report that is further on than the row counts."""
        stored = CallStatus(self.call.status)
        return CallState(
            status=max(stored, reported, key=lambda status: status.rank),
            media=MediaState(self.call.media_state),
            next_step=NextStep(self.call.next_step) if self.call.next_step else None,
            outcome=Outcome(self.conversation.outcome) if self.conversation.outcome else None,
            generation=self.call.stream_generation,
            transport=Transport(self.call.transport),
            person=self._person(),
            is_closed=self.conversation.closed_at is not None,
            takes_messages=self.agent.takes_messages,
            when_full=tuple(WhenFull(offer) for offer in self.agent.when_full),
            rounds_waited=self.call.rounds_waited,
            transfer=TransferOutcome(self.transfer.outcome) if self.transfer and self.transfer.outcome else None,
            transfer_mode=TransferMode(self.transfer.mode if self.transfer else self.agent.transfer_mode),
        )

    def _person(self) -> str | None:
        """The agent's transfer number, unless ringing it would ring the caller or ourselves."""
        number = self.agent.transfer_number
        return None if number in (self.call.from_number, self.call.to_number) else number

    def store(self, state: CallState, now: datetime, report: CallReport | None = None) -> None:
        """Write what was decided. The end of a call is written by its status report alone."""
        if not state.status.is_final:
            self.call.status = state.status
            if state.status is CallStatus.IN_PROGRESS:
                self.picked_up(now)
        waited = self.call.media_state == MediaState.WAITING and state.media is MediaState.EXPECTED
        if state.generation != self.call.stream_generation or waited:
            self.call.stream_generation = state.generation
            self.call.stream_issued_at = now
        self.call.rounds_waited = state.rounds_waited
        self.call.transport = state.transport
        self.call.media_state = state.media
        self.call.next_step = state.next_step
        self.conversation.outcome = state.outcome
        if self.transfer is not None and state.transfer is not None and self.transfer.ended_at is None:
            self.transfer.outcome = state.transfer
            if state.next_step in (NextStep.HANG_UP, NextStep.TAKE_MESSAGE):
                self.transfer.ended_at = now
                self.transfer.seconds = talked_s(report) if report is not None else None

    def rings(self, number: str, mode: TransferMode, since: datetime | None) -> None:
        """A person is rung; for rows that are kept, where no statement writes it. `since` None: the record knows."""
        self.transfer = Transfer(call_id=self.call.id, number=number, mode=mode.value, started_at=since)

    def picked_up(self, now: datetime) -> None:
        """The call was answered. A call of ours has rung since its rows were made: its token begins to live now."""
        if self.call.answered_at is not None:
            return
        self.call.answered_at = now
        if self.call.direction.startswith("outbound") and self.call.media_state == MediaState.EXPECTED:
            self.call.stream_issued_at = now


class CallBook:
    """Reads and writes calls within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def find(self, call_sid: str) -> CallRows | None:
        """The call's rows, locked: the conversation first, as everywhere."""
        conversation = await self._session.scalar(
            select(Conversation).join(Call).where(Call.call_sid == call_sid).with_for_update(of=Conversation)
        )
        if conversation is None:
            return None
        call = (
            await self._session.scalars(select(Call).where(Call.conversation_id == conversation.id).with_for_update())
        ).one()
        agent = await self._session.get_one(Agent, conversation.agent_id)
        transfer = await self._session.get(Transfer, call.id)
        return CallRows(call, conversation, agent, transfer)

    async def find_known(self, report: CallReport, now: datetime) -> CallRows | None:
        """The call's rows; those of a call that we ordered are made when they are missing."""
        rows = await self.find(report.call_sid)
        if rows is None and report.outbound_id is not None:
            return await self.take_up(report.outbound_id, report.call_sid, now)
        return rows

    async def find_or_open(self, report: CallReport, now: datetime) -> CallRows | None:
        """The call's rows, made when they are missing.

        None when no agent answers the dialled number, and for an unknown call that is over already.
        """
        rows = await self.find_known(report, now)
        if rows is not None or report.status.is_final or report.outbound_id is not None:
            return rows
        agent = await self._agent_for(report.to_number)
        if agent is None:
            return None
        await self._open(report, agent, caller_address(report.from_number), now)
        return await self.find(report.call_sid)

    async def take_up(self, outbound_id: UUID, call_sid: str, now: datetime) -> CallRows | None:
        """The rows of a call that we ordered; None when there is no such order, or another call was placed for it."""
        order = await self._session.get(OutboundCall, outbound_id, with_for_update=True)
        if order is None or order.call_sid not in (None, call_sid):
            return None
        order.call_sid, order.state, order.reason = call_sid, OutboundState.PLACED, None
        agent = await self._session.get_one(Agent, order.agent_id)
        placed = CallReport(
            call_sid=call_sid,
            status=CallStatus.QUEUED,
            from_number=order.from_number,
            to_number=order.to_number,
            direction="outbound-api",
            fields={},
        )
        await self._open(placed, agent, order.to_number, now)
        return await self.find(call_sid)

    async def order_of(self, call_sid: str) -> OutboundCall | None:
        """The order that a call was placed for."""
        return await self._session.scalar(select(OutboundCall).where(OutboundCall.call_sid == call_sid))

    async def begin_transfer(self, rows: CallRows, number: str, mode: TransferMode, now: datetime) -> None:
        """A person is rung from now on; what became of an earlier attempt is replaced."""
        begun = {"number": number, "mode": mode, "outcome": None, "started_at": now, "ended_at": None, "seconds": None}
        await self._session.execute(
            insert(Transfer)
            .values(call_id=rows.call.id, **begun)
            .on_conflict_do_update(index_elements=[Transfer.call_id], set_=begun)
        )

    async def _open(self, report: CallReport, agent: Agent, address: str | None, now: datetime) -> None:
        """Both rows, or neither when the same webhook was faster elsewhere."""
        async with self._session.begin_nested() as attempt:
            conversation_id = conversation_id_of(report.call_sid)
            conversation = insert(Conversation).values(
                id=conversation_id,
                agent_id=agent.id,
                channel=Channel.PHONE,
                language=agent.language,
                caller_address=address,
                trace_id=current_trace_id(),
                started_at=now,
            )
            await self._session.execute(conversation.on_conflict_do_nothing(index_elements=[Conversation.id]))
            call = insert(Call).values(
                id=call_id_of(report.call_sid),
                call_sid=report.call_sid,
                conversation_id=conversation_id,
                direction=report.direction,
                from_number=report.from_number,
                to_number=report.to_number,
                status=min(CallStatus.RINGING, report.status, key=lambda status: status.rank),
                transport=agent.transport,
                stream_issued_at=now,
            )
            made = call.on_conflict_do_nothing(index_elements=[Call.call_sid]).returning(Call.id)
            if await self._session.scalar(made) is None:
                await attempt.rollback()

    async def _agent_for(self, number: str) -> Agent | None:
        """The agent of this number; for a number that nobody has, the only active agent there is."""
        assigned = await self._session.scalar(select(Agent).join(AgentNumber).where(AgentNumber.number == number))
        if assigned is not None:
            return assigned if assigned.is_active else None
        active = (await self._session.scalars(select(Agent).where(Agent.is_active).limit(2))).all()
        return active[0] if len(active) == 1 else None

    async def close_if_over(self, rows: CallRows, now: datetime) -> bool:
        """Close the conversation when everybody is done with it; True when this closed it."""
        return await self._session.run_sync(close_if_over, rows.call.id, now)
