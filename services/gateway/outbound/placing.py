"""Has somebody called, once per order, whatever is repeated, lost or answered late.

The order is the guarantee: a row with the client's key first, committed as `sending`, then one request to Twilio, then
what came of it. Twilio knows no idempotency key, so a request without an answer is never repeated: the call is looked
for, and every webhook about it says by its address which order it belongs to.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select

from services.gateway.outbound.orders import Orders, Wish
from services.gateway.telephone.twilio_calls import Order, PlacedCall, TwilioCalls
from services.gateway.webhooks.call_book import CallBook
from services.gateway.webhooks.twiml import Addresses
from shared.clock import Clock
from shared.contracts.calls import OnMachine, OutboundState
from shared.database.engine import AsyncSessions
from shared.database.models import Agent, Call, OutboundCall
from shared.database.transactions import transaction
from shared.errors import OutcomeUnknown, Permanent, Transient
from shared.observability.logs import get_logger
from shared.rates.card import RateCard
from shared.settings import OutboundSettings

log = get_logger(__name__)

QUIET: Final = timedelta(minutes=3)
"""How long after an unanswered request its call may still appear in Twilio's list."""


class Placing:
    """Carries out orders."""

    def __init__(
        self,
        sessions: AsyncSessions,
        clock: Clock,
        twilio: TwilioCalls,
        addresses: Addresses,
        settings: OutboundSettings,
        card: RateCard,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._twilio = twilio
        self._addresses = addresses
        self._settings = settings
        self._card = card

    async def order(self, wish: Wish) -> tuple[UUID, bool]:
        """The order for this wish, carried out as far as can be known, and whether it is new.

        Raises NotFound, Conflict, Invalid or LimitReached when nothing was stored, Transient when certainly no call was
        placed (the same request places it later), and Permanent when Twilio refuses it.
        """
        now = self._clock.now()
        async with transaction(self._sessions) as session:
            orders = Orders(session, self._settings, self._card, now)
            order, is_new = await orders.find_or_make(wish)
            sends, lost = orders.may_send(order), orders.is_lost(order)
            agent = await session.get_one(Agent, order.agent_id)
            asked = self._asked(order, OnMachine(agent.on_machine))
            order_id, state, reason = order.id, order.state, order.reason
        if sends:
            await self._send(order_id, asked)
        elif lost:
            await self.look_for(order_id)
        elif state == OutboundState.REFUSED:
            raise Permanent(reason or "")
        return order_id, is_new

    def _asked(self, order: OutboundCall, on_machine: OnMachine) -> Order:
        addresses = self._addresses
        return Order(
            to_number=order.to_number,
            from_number=order.from_number,
            voice_url=addresses.outbound_voice(order.id),
            fallback_url=addresses.outbound_fallback(order.id),
            status_url=addresses.outbound_status(order.id),
            machine_url=addresses.machine(order.id),
            on_machine=on_machine,
            longest_s=self._settings.outbound_longest_s,
        )

    async def _send(self, outbound_id: UUID, asked: Order) -> None:
        try:
            placed = await self._twilio.place(asked)
        except OutcomeUnknown:
            await self._settle(outbound_id, OutboundState.UNKNOWN)
            log.warning("outbound_unknown", subject_id=str(outbound_id))
        except Transient:
            await self._settle(outbound_id, OutboundState.PLANNED)
            raise
        except Permanent as error:
            await self._settle(outbound_id, OutboundState.REFUSED, error.detail)
            raise
        else:
            await self._take_up(outbound_id, placed)

    async def look_for(self, outbound_id: UUID) -> None:
        """See whether the call of an unanswered request exists.

        Only a call that no other order and no other record knows can be it. When Twilio shows none for long enough,
        there is none.
        """
        async with transaction(self._sessions) as session:
            order = await session.get_one(OutboundCall, outbound_id)
            sent_at = order.sent_at or order.requested_at
            to_number, from_number = order.to_number, order.from_number
        found = await self._twilio.find(to_number, from_number, sent_at)
        async with transaction(self._sessions) as session:
            sids = [call.call_sid for call in found]
            taken = set((await session.scalars(select(Call.call_sid).where(Call.call_sid.in_(sids)))).all())
        candidates = [call for call in found if call.call_sid not in taken]
        if len(candidates) == 1:
            await self._take_up(outbound_id, candidates[0])
        elif not found and self._is_quiet(sent_at):
            await self._settle(outbound_id, OutboundState.REFUSED, "Twilio did not answer, and there is no such call")
        else:
            await self._settle(outbound_id, OutboundState.UNKNOWN)

    def _is_quiet(self, sent_at: datetime) -> bool:
        return self._clock.now() - sent_at > QUIET

    async def _settle(self, outbound_id: UUID, state: OutboundState, reason: str | None = None) -> None:
        """Write down what is known, unless a webhook has shown meanwhile that there is a call."""
        async with transaction(self._sessions) as session:
            order = await session.get_one(OutboundCall, outbound_id, with_for_update=True)
            if order.state != OutboundState.PLACED:
                order.state, order.reason = state, reason

    async def _take_up(self, outbound_id: UUID, placed: PlacedCall) -> None:
        now = self._clock.now()
        async with transaction(self._sessions) as session:
            rows = await CallBook(session).take_up(outbound_id, placed.call_sid, now)
        log.info("outbound_placed", subject_id=str(outbound_id), call_sid=placed.call_sid if rows else "")
