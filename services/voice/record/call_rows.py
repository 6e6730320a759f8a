"""A call's rows: claimed by one voice process for one generation, and read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from shared.contracts.agents import AgentProfile
from shared.contracts.calls import CallStatus, MediaState
from shared.database.engine import AsyncSessions
from shared.database.models import Agent, Call, Conversation, OutboundCall
from shared.record.turns import first_turn

_OVER = [status.value for status in CallStatus if status.is_final]


@dataclass(frozen=True, slots=True)
class ClaimedCall:
    """What a voice process needs to know of a call it has taken."""

    call_id: UUID
    call_sid: str
    conversation_id: UUID
    generation: int
    direction: str
    trace_id: str
    started_at: datetime
    checkpoint: dict[str, Any]
    profile: AgentProfile
    initial_message: str = ""
    """What a call of ours says first."""

    @property
    def first_turn(self) -> int:
        """The number of this generation's first turn."""
        return first_turn(self.generation)


async def claim(sessions: AsyncSessions, call_sid: str, generation: int) -> ClaimedCall | None:
    """Take the call for this process: None when it is over, another generation, or taken already.

    The update is the claim: of two processes that try, one changes the row. A row that cannot be read is not claimed.
    """
    taken = (
        update(Call)
        .where(
            Call.call_sid == call_sid,
            Call.stream_generation == generation,
            Call.media_state == MediaState.EXPECTED,
            Call.status.not_in(_OVER),
        )
        .values(
            media_state=MediaState.CONNECTED,
            next_step=None,
            # Twilio reports the answer only to those who subscribed to its events: sound that arrives says it surely.
            status=CallStatus.IN_PROGRESS,
            answered_at=func.coalesce(Call.answered_at, func.now()),
        )
        .returning(Call.id)
    )
    async with sessions.begin() as session:
        call_id = await session.scalar(taken)
        if call_id is None:
            return None
        row = (
            await session.execute(
                select(Call.direction, Conversation, Agent, OutboundCall.message)
                .join(Conversation, Call.conversation_id == Conversation.id)
                .join(Agent, Conversation.agent_id == Agent.id)
                .outerjoin(OutboundCall, OutboundCall.call_sid == Call.call_sid)
                .where(Call.id == call_id)
            )
        ).one()
        conversation: Conversation = row.Conversation
        return ClaimedCall(
            call_id=call_id,
            call_sid=call_sid,
            conversation_id=conversation.id,
            generation=generation,
            direction=row.direction,
            trace_id=conversation.trace_id,
            started_at=conversation.started_at,
            checkpoint=conversation.checkpoint,
            profile=AgentProfile.model_validate(row.Agent),
            initial_message=row.message or "",
        )


async def active_profiles(sessions: AsyncSessions, limit: int = 50) -> list[AgentProfile]:
    """Agents that may be called at any moment."""
    async with sessions() as session:
        agents = await session.scalars(select(Agent).where(Agent.is_active).order_by(Agent.created_at).limit(limit))
        return [AgentProfile.model_validate(agent) for agent in agents]
