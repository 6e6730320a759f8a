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
from services.gateway.outbound.permissions import Permissions
from services.gateway.outbound.quiet_hours import next_good_time, zones_of
from services.gateway.outbound.spending import PERIOD, Budget, most_of_line, spent
from shared.contracts.calls import OutboundState, PermissionKind
from shared.contracts.relay import Transport
from shared.database.models import Agent, AgentNumber, OutboundCall
from shared.errors import Conflict, Invalid, LimitReached, NotFound
from shared.observability.logs import get_logger
from shared.rates.card import RateCard
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

    def __init__(self, session: AsyncSession, settings: OutboundSettings, card: RateCard, now: datetime) -> None:
        self._session = session
        self._settings = settings
        self._card = card
        self._now = now

    async def find_or_make(self, wish: Wish) -> tuple[OutboundCall, bool]:
        """The one order under this key, locked, and whether it is new.

        Raises Conflict when the key was used for something else. For a new order, raises NotFound, Conflict or Invalid
        when the agent or the number does not allow it, and LimitReached.
        """
        if (order := await self._known(wish)) is not None:
            if order.state == OutboundState.PLANNED:
                await self._check_they_may_be_called(wish)
            return order, False
        await self._session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LIMITS_LOCK})
        if (order := await self._known(wish)) is not None:
            return order, False
        agent, from_number = await self._caller(wish.agent_id)
        await self._check_destination(wish, from_number)
        await self._check_they_may_be_called(wish)
        await self._check_limits(wish)
        await self._check_spending(wish, Transport(agent.transport))
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

    async def _check_they_may_be_called(self, wish: Wish) -> None:
        """Raises Invalid when they did not agree or asked not to be called, LimitReached at a time that is not good.

        Looked at again before an order from earlier is placed.
        """
        said = await Permissions(self._session).in_force(wish.to_number)
        if PermissionKind.OPT_OUT in said:
            self._refused(wish, "opted_out")
            raise Invalid("to: has asked not to be called again: see /permissions")
        if PermissionKind.CONSENT not in said and self._settings.outbound_consent == "required":
            self._refused(wish, "no_consent")
            raise Invalid(
                "to: has not agreed to be called: note their consent in /permissions, or see OUTBOUND_CONSENT"
            )
        if (hours := self._settings.outbound_times) is None:
            return
        good = next_good_time(self._now, zones_of(wish.to_number), hours)
        if good > self._now:
            self._refused(wish, "quiet_hours")
            wait = (good - self._now).total_seconds()
            raise LimitReached(
                f"it is not between {hours[0]:%H:%M} and {hours[1]:%H:%M} where this number rings: "
                f"order again from {good:%Y-%m-%d %H:%M} UTC on",
                wait,
            )

    async def _check_spending(self, wish: Wish, transport: Transport) -> None:
        """Raises LimitReached, and Invalid when a price that the limit needs is not known."""
        most = self._settings.outbound_spend_per_day
        if most is None:
            return
        budget = Budget(most, self._settings.outbound_spend_currency, self._settings.outbound_longest_s)
        next_call = most_of_line(self._card, wish.to_number, transport, budget, self._now.date())
        if next_call is None:
            self._refused(wish, "no_price")
            raise Invalid(
                f"to: what a call to this number costs is not known in {budget.currency}, and OUTBOUND_SPEND_PER_DAY "
                "is set: add its price to the file named in RATE_CARD_FILE"
            )
        so_far = await spent(self._session, self._card, wish.api_key_id, budget, self._now)
        if so_far + next_call > budget.most:
            self._refused(wish, "key_spending")
            raise LimitReached(
                f"the calls of this key come to {so_far:.2f} {budget.currency} in 24 hours and this one can cost "
                f"{next_call:.2f}: the limit is {budget.most:.2f}",
                PERIOD.total_seconds(),
            )

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
