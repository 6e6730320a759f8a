"""The agents as they were when the database was last asked: whom a call is for while it is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from shared.database.engine import AsyncSessions
from shared.database.models import Agent
from shared.database.transactions import DatabaseAway, transaction
from shared.database.within import within
from shared.observability.logs import get_logger

log = get_logger(__name__)

LOOK_EVERY_S: Final = 10.0
ANSWER_WITHIN_S: Final = 5.0
MOST: Final = 2000


class KnownAgents:
    """One per process; empty until the database has been asked once."""

    def __init__(self, sessions: AsyncSessions) -> None:
        self._sessions = sessions
        self._agents: Sequence[Agent] = ()

    async def run(self) -> None:
        """Ask again and again, until cancelled."""
        while True:
            try:
                self._agents = await within(ANSWER_WITHIN_S, self._read())
            except DatabaseAway as error:
                log.warning("agents_not_read", error=type(error).__name__, count=len(self._agents))
            await asyncio.sleep(LOOK_EVERY_S)

    async def _read(self) -> Sequence[Agent]:
        async with transaction(self._sessions) as session:
            found = select(Agent).options(selectinload(Agent.numbers)).order_by(Agent.created_at).limit(MOST)
            return (await session.scalars(found)).all()

    def of(self, number: str) -> Agent | None:
        """The agent of this number; for a number that nobody has, the only active agent there is."""
        assigned = [agent for agent in self._agents if any(its.number == number for its in agent.numbers)]
        active = [agent for agent in assigned or self._agents if agent.is_active]
        return active[0] if len(active) == 1 else None
