"""Orders to call somebody, as rows: one per idempotency key, within the limits. All SQL of outbound calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.outbound.destination import EXPLAINED, Refusal, refusal_of
from shared.contracts.calls import OutboundState
from shared.database.models import Agent, AgentNumber, OutboundCall
from shared.errors import Conflict, Invalid, LimitReached, NotFound
from shared.observability.logs import get_logger
from shared.settings import OutboundSettings

log = get_logger(__name__)

_LIMITS_LOCK: Final = 0x0C_A1_15
"""Orders are counted one at a time, so that many at once cannot each be the last one allowed."""
ANSWERED_WITHIN: Final = timedelta(seconds=20)
"""An order that is still `sending` after this belongs to a process that died: longer than any request of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What an API client wants."""

    idempotency_key: str
    api_key_id: UUID
    agent_id: UUID
    to_number: str
    message: str


class Orders:
    """Reads and writes orders within one transaction."""

    def __init__(self, session: AsyncSession, settings: OutboundSettings, now: datetime) -> None:
        self._session = session
        self._settings = settings
        self._now = now

    async def find_or_make(self, wish: Wish) -> tuple[OutboundCall, bool]:
        """The one order under this key, locked, and whether it is new.

        Raises Conflict when the key was used for something else. For a new order, raises NotFound, Conflict or Invalid
        when the agent or the number does not allow it, and LimitReached.
        """
        if (order := await self._known(wish)) is not None:
            return order, False
        await self._session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LIMITS_LOCK})
        if (order := await self._known(wish)) is not None:
            return order, False
        agent, from_number = await self._caller(wish.agent_id)
        await self._check_destination(wish, from_number)
        await self._check_limits(wish)
        order = OutboundCall(
            idempotency_key=wish.idempotency_key,
            api_key_id=wish.api_key_id,
            agent_id=agent.id,
            to_number=wish.to_number,
            from_number=from_number,
            message=wish.message,
            state=OutboundState.PLANNED,
            requested_at=self._now,
        )
        self._session.add(order)
        await self._session.flush()
        return order, True

    async def _known(self, wish: Wish) -> OutboundCall | None:
        order = await self._session.scalar(
            select(OutboundCall).where(OutboundCall.idempotency_key == wish.idempotency_key).with_for_update()
        )
        if order is None:
            return None
        if (order.agent_id, order.to_number, order.message) != (wish.agent_id, wish.to_number, wish.message):
            raise Conflict("this idempotency key was used for another call")
        return order

    async def _caller(self, agent_id: UUID) -> tuple[Agent, str]:
        """The agent and the number it calls from: the lowest it answers, so that a call back reaches it."""
        agent = await self._session.get(Agent, agent_id)
        if agent is None:
            raise NotFound("there is no such agent")
        if not agent.is_active:
            raise Conflict("this agent is not active")
        mine = select(AgentNumber.number).where(AgentNumber.agent_id == agent_id).order_by(AgentNumber.number)
        number = await self._session.scalar(mine.limit(1))
        if number is None:
            raise Conflict("this agent has no number to call from")
        return agent, number

    async def _check_destination(self, wish: Wish, from_number: str) -> None:
        own = (
            await self._session.scalars(select(AgentNumber.number).where(AgentNumber.number == wish.to_number))
        ).all()
        countries = [country for country in self._settings.outbound_countries.split(",") if country]
        refusal = refusal_of(wish.to_number, from_number, countries, own)
        if refusal is not None:
            self._refused(wish, refusal)
            raise Invalid(f"to: {EXPLAINED[refusal]}")

    async def _check_limits(self, wish: Wish) -> None:
        """Raises LimitReached. Every order counts, whatever became of it: trying is what a thief does."""
        by_key, by_number = OutboundCall.api_key_id == wish.api_key_id, OutboundCall.to_number == wish.to_number
        limits: Mapping[str, tuple[int, timedelta, ColumnElement[bool] | None]] = {
            "key_minute": (self._settings.outbound_per_minute, timedelta(minutes=1), by_key),
            "key_hour": (self._settings.outbound_per_hour, timedelta(hours=1), by_key),
            "number_day": (self._settings.outbound_per_number, timedelta(days=1), by_number),
            "day": (self._settings.outbound_per_day, timedelta(days=1), None),
        }
        for name, (most, period, whose) in limits.items():
            recent = (
                select(func.count()).select_from(OutboundCall).where(OutboundCall.requested_at > self._now - period)
            )
            count = await self._session.scalar(recent if whose is None else recent.where(whose))
            if (count or 0) >= most:
                self._refused(wish, name)
                raise LimitReached(f"too many calls were ordered: the limit {name} is {most}", period.total_seconds())

    def _refused(self, wish: Wish, reason: Refusal | str) -> None:
        log.warning(
            "outbound_refused", reason=str(reason), subject_id=str(wish.api_key_id), agent_id=str(wish.agent_id)
        )

    def may_send(self, order: OutboundCall) -> bool:
        """Whether certainly no call was placed for this order; from here on, one may have been."""
        if order.state != OutboundState.PLANNED:
            return False
        order.state, order.sent_at, order.reason = OutboundState.SENDING, self._now, None
        return True

    def is_lost(self, order: OutboundCall) -> bool:
        """Whether nobody knows if a call was placed, and nobody is about to say so."""
        if order.state == OutboundState.UNKNOWN:
            return True
        since = order.sent_at or order.requested_at
        return order.state == OutboundState.SENDING and since < self._now - ANSWERED_WITHIN
