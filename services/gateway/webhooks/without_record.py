"""A call's webhook while PostgreSQL is away: the same decisions on the same rows, which live in Redis meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, TypeVar

from services.gateway.webhooks.call_book import CallRows
from services.gateway.webhooks.caller import caller_address
from services.gateway.webhooks.known_agents import KnownAgents
from services.gateway.webhooks.report import CallReport
from shared.contracts.agents import AgentProfile
from shared.contracts.calls import CallStatus, MediaState
from shared.contracts.conversations import Channel
from shared.database.models import Agent, Call, Conversation, Transfer
from shared.errors import Transient
from shared.observability.context import bound, current_trace_id
from shared.record.kept_calls import KeptCall, KeptCalls, call_id_of, conversation_id_of, typed, values_of

MOST_TRIES: Final = 5
"""Somebody else's change of the same call is made in a millisecond."""

Done = TypeVar("Done")


class WithoutRecord:
    """Reads and changes calls that are kept."""

    def __init__(self, kept_calls: KeptCalls, agents: KnownAgents) -> None:
        self._kept_calls = kept_calls
        self._agents = agents

    async def change(self, report: CallReport, now: datetime, work: Callable[[CallRows], Awaitable[Done]]) -> Done:
        """Do this with the call's rows and keep what it changes; it may be done more than once.

        Raises Transient when nobody knows whose call this is, and AWAY when Redis does not answer either.
        """
        for _ in range(MOST_TRIES):
            held = await self._kept_calls.read(report.call_sid)
            rows = self._rows(report, held.kept, now)
            with bound(trace_id=rows.conversation.trace_id, call_sid=report.call_sid):
                done = await work(rows)
            profile = AgentProfile.model_validate(rows.agent).model_dump(mode="json")
            changed = {
                "call": values_of(rows.call),
                "conversation": values_of(rows.conversation),
                "profile": None if _is_only_an_end(report, held.kept) else profile,
                "transfer": values_of(rows.transfer) if rows.transfer is not None else None,
            }
            kept = (held.kept or KeptCall()).model_copy(update=changed)
            if await self._kept_calls.write(report.call_sid, held, kept):
                return done
        raise Transient("the call cannot be kept")

    def _rows(self, report: CallReport, kept: KeptCall | None, now: datetime) -> CallRows:
        """The rows as they would be made now, and over them what is kept."""
        agent = self._agents.of(report.from_number if report.direction.startswith("outbound") else report.to_number)
        if agent is None or (kept is None and report.outbound_id is not None):
            raise Transient("nobody knows whose call this is")
        conversation, call = _new_rows(report, agent, now)
        if kept is not None:
            for name, value in typed(Conversation, kept.conversation).items():
                setattr(conversation, name, value)
            for name, value in typed(Call, kept.call).items():
                setattr(call, name, value)
        rings = kept.transfer if kept is not None else None
        return CallRows(call, conversation, agent, Transfer(**typed(Transfer, rings)) if rings else None)


def _is_only_an_end(report: CallReport, kept: KeptCall | None) -> bool:
    """All that is known of the call is that it is over: no rows are made of that, here as elsewhere."""
    return report.status.is_final and (kept is None or kept.profile is None)


def _new_rows(report: CallReport, agent: Agent, now: datetime) -> tuple[Conversation, Call]:
    conversation = Conversation(
        id=conversation_id_of(report.call_sid),
        agent_id=agent.id,
        channel=Channel.PHONE,
        language=agent.language,
        caller_address=caller_address(report.from_number),
        trace_id=current_trace_id(),
        started_at=now,
    )
    call = Call(
        id=call_id_of(report.call_sid),
        call_sid=report.call_sid,
        conversation_id=conversation.id,
        direction=report.direction,
        from_number=report.from_number,
        to_number=report.to_number,
        status=CallStatus.RINGING,
        media_state=MediaState.EXPECTED,
        stream_generation=1,
        rounds_waited=0,
        transport=agent.transport,
        stream_issued_at=now,
    )
    return conversation, call
