"""Agents and the numbers they answer: all SQL of `/api/v1/agents`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn
from uuid import UUID

from psycopg import errors
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from services.gateway.api.agent_profile import check_together
from shared.database.models import Agent, AgentNumber
from shared.errors import Conflict, NotFound

TAKEN = {
    "uq_agents_name": "another agent has this name",
    "pk_agent_numbers": "another agent answers one of these numbers",
}


class AgentRecords:
    """Reads and changes agents within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def page(self, is_active: bool | None, limit: int, offset: int) -> tuple[list[Agent], int]:
        """A page by name, and how many there are in all."""
        wanted = [] if is_active is None else [Agent.is_active == is_active]
        found = select(Agent).where(*wanted).options(selectinload(Agent.numbers)).order_by(Agent.name, Agent.id)
        agents = (await self._session.scalars(found.limit(limit).offset(offset))).all()
        total = await self._session.scalar(select(func.count()).select_from(Agent).where(*wanted))
        return list(agents), total or 0

    async def one(self, agent_id: UUID, *, to_change: bool = False) -> Agent:
        """The agent with its numbers, locked when it is to be changed. Raises NotFound."""
        found = select(Agent).where(Agent.id == agent_id).options(selectinload(Agent.numbers))
        agent = await self._session.scalar(found.with_for_update(of=Agent) if to_change else found)
        if agent is None:
            raise NotFound("there is no such agent")
        return agent

    async def create(self, fields: Mapping[str, Any]) -> Agent:
        """A new agent. Raises Conflict or Invalid."""
        agent = Agent(numbers=[])
        self._session.add(agent)
        return await self._write(agent, fields)

    async def change(self, agent_id: UUID, fields: Mapping[str, Any]) -> Agent:
        """The agent with these fields replaced. Raises NotFound, Conflict or Invalid."""
        return await self._write(await self.one(agent_id, to_change=True), fields)

    async def deactivate(self, agent_id: UUID) -> None:
        """The agent answers no more and its numbers are free; its calls stay. Raises NotFound."""
        await self._write(await self.one(agent_id, to_change=True), {"is_active": False, "numbers": []})

    async def _write(self, agent: Agent, fields: Mapping[str, Any]) -> Agent:
        for name, value in fields.items():
            if name != "numbers":
                setattr(agent, name, value)
        if "numbers" in fields:
            kept = {entry.number: entry for entry in agent.numbers}
            agent.numbers = [kept.get(number) or AgentNumber(number=number) for number in fields["numbers"]]
        numbers = {entry.number for entry in agent.numbers}
        further = [language["code"] for language in agent.languages or ()]
        voices = [agent.voice, *(agent.other_voices or ())]
        check_together(agent.language, voices, agent.transfer_number, numbers, further)
        try:
            await self._session.flush()
        except IntegrityError as error:
            _explain(error)
        await self._refuse_loops(agent, numbers)
        await self._session.refresh(agent, ["created_at", "updated_at"])
        return agent

    async def _refuse_loops(self, agent: Agent, numbers: set[str]) -> None:
        """A transfer must reach a person: a number that an agent answers would ring the assistant again."""
        transfers = select(Agent.id).where(Agent.is_active, Agent.transfer_number.in_(numbers))
        answered = select(AgentNumber.agent_id).where(AgentNumber.number == agent.transfer_number)
        if await self._session.scalar(transfers.limit(1)) or await self._session.scalar(answered.limit(1)):
            raise Conflict("a transfer number must be a person's, not one that an agent answers")


def _explain(error: IntegrityError) -> NoReturn:
    """What is taken, as a Conflict; anything else goes on as it is."""
    constraint = error.orig.diag.constraint_name if isinstance(error.orig, errors.UniqueViolation) else None
    if constraint not in TAKEN:
        raise error
    raise Conflict(TAKEN[constraint]) from error
