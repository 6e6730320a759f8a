"""The agents as they were when the database was last asked: whom a call is for while it is away.

A copy lies in Redis, for a gateway that starts during an outage.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from redis.asyncio import Redis
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from shared.clock import Clock
from shared.database.engine import AsyncSessions
from shared.database.models import Agent, AgentNumber
from shared.database.transactions import DatabaseAway, transaction
from shared.database.within import within
from shared.messaging.shared_values import AWAY, heed_cancellation
from shared.observability.logs import get_logger
from shared.record.kept_calls import typed, values_of

log = get_logger(__name__)

LOOK_EVERY_S: Final = 10.0
LOOK_AGAIN_S: Final = 1.0
"""While neither the database nor Redis says whom calls are for."""
ANSWER_WITHIN_S: Final = 5.0
REDIS_WITHIN_S: Final = 1.0
MOST: Final = 2000
COPY: Final = "callwright:kept:agents"
COPY_COUNTS_S: Final = 24 * 3600
"""An older copy is forgotten: who is answered by it may be somebody else's customer by now."""
COPY_EVERY_S: Final = 600.0
"""How often a copy is written in which nothing has changed."""


class _Copy(BaseModel):
    """The columns of agents, each with its numbers."""

    agents: list[tuple[dict[str, Any], list[str]]]


class KnownAgents:
    """One per process; empty until the database, or without it Redis, has been asked once."""

    def __init__(self, sessions: AsyncSessions, redis: Redis, clock: Clock) -> None:
        self._sessions = sessions
        self._redis = redis
        self._clock = clock
        self._agents: Sequence[Agent] = ()
        self._copied = b""
        self._copied_at = 0.0

    async def run(self) -> None:
        """Ask again and again, until cancelled."""
        while True:
            wait_s = LOOK_EVERY_S
            try:
                self._agents = await within(ANSWER_WITHIN_S, self._read())
            except DatabaseAway as error:
                log.warning("agents_not_read", error=type(error).__name__, count=len(self._agents))
                self._agents = self._agents or await self._read_copy()
                wait_s = LOOK_EVERY_S if self._agents else LOOK_AGAIN_S
            else:
                await self._copy()
            heed_cancellation()
            await asyncio.sleep(wait_s)

    async def _read(self) -> Sequence[Agent]:
        async with transaction(self._sessions) as session:
            found = select(Agent).options(selectinload(Agent.numbers)).order_by(Agent.created_at).limit(MOST)
            return (await session.scalars(found)).all()

    async def _copy(self) -> None:
        """Have Redis hold what is known, when that is news or the copy grows old."""
        copy = _Copy(agents=[(values_of(agent), [its.number for its in agent.numbers]) for agent in self._agents])
        value, now = copy.model_dump_json().encode(), self._clock.monotonic()
        if value == self._copied and now - self._copied_at < COPY_EVERY_S:
            return
        try:
            async with asyncio.timeout(REDIS_WITHIN_S):
                await self._redis.set(COPY, value, ex=COPY_COUNTS_S)
        except AWAY:
            return  # the next look tries again
        self._copied, self._copied_at = value, now

    async def _read_copy(self) -> Sequence[Agent]:
        """The agents of the copy; none when there is none, or it is of another version."""
        try:
            async with asyncio.timeout(REDIS_WITHIN_S):
                value = await self._redis.get(COPY)
            copy = _Copy.model_validate_json(value) if value else _Copy(agents=[])
        except (*AWAY, ValidationError):
            return ()
        log.warning("agents_from_copy", count=len(copy.agents))
        return [
            Agent(**typed(Agent, columns), numbers=[AgentNumber(number=number) for number in numbers])
            for columns, numbers in copy.agents
        ]

    def of(self, number: str) -> Agent | None:
        """The agent of this number; for a number that nobody has, the only active agent there is."""
        assigned = [agent for agent in self._agents if any(its.number == number for its in agent.numbers)]
        active = [agent for agent in assigned or self._agents if agent.is_active]
        return active[0] if len(active) == 1 else None
