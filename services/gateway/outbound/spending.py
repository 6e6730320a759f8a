"""What the calls that an API key ordered come to in a day.

That is what is known of those that are over, and the most that the line of each other one can cost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.webhooks.billing import leg
from shared.contracts.calls import OutboundState
from shared.contracts.relay import Transport
from shared.database.models import Agent, Call, Charge, OutboundCall
from shared.rates.card import RateCard
from shared.rates.usage import CONVERSATION_RELAY, MEDIA_STREAMS, Unit

PERIOD: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Budget:
    """How much one key may spend in a day."""

    most: Decimal
    currency: str
    longest_s: int
    """No call is longer."""


def most_of_line(card: RateCard, number: str, transport: Transport, budget: Budget, on: date) -> Decimal | None:
    """What the line of one call to this number can cost at most; None when a price of it is not known."""
    carrier = CONVERSATION_RELAY if transport is Transport.CONVERSATION_RELAY else MEDIA_STREAMS
    total = Decimal()
    for product in (leg(number, inbound=False), carrier):
        rate = card.rate(product, Unit.SECONDS, on)
        if rate is None or rate.currency != budget.currency:
            return None
        total += rate.amount(Decimal(budget.longest_s))
    return total


async def spent(session: AsyncSession, card: RateCard, key_id: UUID, budget: Budget, now: datetime) -> Decimal:
    """What the orders of this key come to since a day ago.

    A call is over when Twilio has said how long it was; before that, and while it may still come about, it counts with
    the most its line can cost. What has no price does not count: nobody knows it.
    """
    known = (
        select(Charge.conversation_id, func.sum(Charge.amount).label("amount"))
        .where(Charge.currency == budget.currency)
        .group_by(Charge.conversation_id)
        .subquery()
    )
    orders = await session.execute(
        select(OutboundCall.to_number, Agent.transport, Call.duration_seconds, known.c.amount)
        .join(Agent, Agent.id == OutboundCall.agent_id)
        .outerjoin(Call, Call.call_sid == OutboundCall.call_sid)
        .outerjoin(known, known.c.conversation_id == Call.conversation_id)
        .where(
            OutboundCall.api_key_id == key_id,
            OutboundCall.requested_at > now - PERIOD,
            OutboundCall.state != OutboundState.REFUSED,
        )
    )
    return _sum(
        (amount or Decimal())
        if seconds is not None
        else most_of_line(card, number, Transport(transport), budget, now.date())
        for number, transport, seconds, amount in orders
    )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), Decimal())
