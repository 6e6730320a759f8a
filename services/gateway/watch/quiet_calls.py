"""Calls that nobody has reported anything about for a while: Twilio is asked how they stand.

One that is over is closed, although its status report was lost. One that goes on while its voice process has recorded
nothing for minutes is taken from that process and connected again: a live process records a turn, if only its own
question whether the caller is still there, far more often.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import and_, case, func, or_, select, update

from services.gateway.outbound.orders import ANSWERED_WITHIN
from services.gateway.outbound.placing import Placing
from services.gateway.telephone.twilio_calls import CallOver, PlacedCall, TwilioCalls
from services.gateway.webhooks.billing import Billing
from services.gateway.webhooks.call_book import CallBook
from services.gateway.webhooks.next_step import after_stream
from services.gateway.webhooks.report import CallReport
from services.gateway.webhooks.status_notes import note_status
from services.gateway.webhooks.switchboard import RINGING
from services.gateway.webhooks.twiml import Addresses
from shared.clock import Clock
from shared.contracts.calls import CallStatus, MediaState, OutboundState
from shared.database.engine import AsyncSessions
from shared.database.models import Call, Conversation, OutboundCall
from shared.database.transactions import transaction
from shared.errors import CallwrightError
from shared.observability.logs import get_logger

log = get_logger(__name__)

LOOK_EVERY_S: Final = 15.0
AFTER_OUTAGE_S: Final = 60.0
"""Voice processes store late what they could not store during an outage; nobody is called stuck before that."""
QUIET: Final = timedelta(minutes=5)
"""The longest prompts, answers and pauses of a conversation take less than two minutes."""
ALONE: Final = timedelta(minutes=1)
"""A caller with whom neither a voice process nor a person talks asks us for what follows several times a minute, or is
gone within seconds."""
MOST_AT_ONCE: Final = 20
_OVER = [status.value for status in CallStatus if status.is_final]


@dataclass(frozen=True, slots=True)
class _Quiet:
    call_sid: str
    is_talking: bool
    generation: int


class QuietCalls:
    """Looks after such calls; each is looked at by one gateway, once in its time."""

    def __init__(
        self,
        sessions: AsyncSessions,
        clock: Clock,
        twilio: TwilioCalls,
        placing: Placing,
        addresses: Addresses,
        billing: Billing,
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._twilio = twilio
        self._placing = placing
        self._addresses = addresses
        self._billing = billing

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        pause = LOOK_EVERY_S
        while True:
            await asyncio.sleep(pause)
            try:
                await self.look()
                pause = LOOK_EVERY_S
            except (CallwrightError, OSError) as error:
                pause = AFTER_OUTAGE_S
                log.warning("quiet_calls_not_seen", error=type(error).__name__)

    async def look(self) -> None:
        """Look once. Raises Transient when the database or Twilio is away."""
        for outbound_id in await self._unanswered_orders():
            await self._placing.look_for(outbound_id)
        for quiet in await self._take():
            standing = await self._twilio.look_at(quiet.call_sid)
            if standing is None or standing.status.is_final:
                await self._close(quiet, standing)
            elif quiet.is_talking and standing.status is CallStatus.IN_PROGRESS:
                await self._pull(quiet)

    async def _unanswered_orders(self) -> Sequence[UUID]:
        stale = OutboundCall.sent_at < self._clock.now() - ANSWERED_WITHIN
        unanswered = OutboundCall.state.in_([OutboundState.UNKNOWN, OutboundState.SENDING])
        async with transaction(self._sessions) as session:
            found = select(OutboundCall.id).where(unanswered, stale).order_by(OutboundCall.sent_at)
            return (await session.scalars(found.limit(MOST_AT_ONCE))).all()

    async def _take(self) -> list[_Quiet]:
        """Calls that have been quiet, marked as looked at: another gateway takes others."""
        now = self._clock.now()
        is_talking = Call.media_state == MediaState.CONNECTED
        has_person = and_(Call.media_state == MediaState.FINISHED, Call.next_step.in_(RINGING))
        before = case((or_(is_talking, has_person), now - QUIET), else_=now - ALONE)
        quiet = (
            select(Call)
            .join(Conversation)
            .where(
                Conversation.closed_at.is_(None),
                Call.status.not_in(_OVER),
                func.greatest(Call.updated_at, Conversation.updated_at) < before,
                or_(Call.checked_at.is_(None), Call.checked_at < before),
            )
            .order_by(Call.checked_at.nulls_first())
            .limit(MOST_AT_ONCE)
            .with_for_update(of=Call, skip_locked=True)
        )
        async with transaction(self._sessions) as session:
            calls = (await session.scalars(quiet)).all()
            # Being looked at is no news of the call: its time of change stays.
            looked_at = update(Call).where(Call.id.in_([call.id for call in calls]))
            await session.execute(looked_at.values(checked_at=now, updated_at=Call.updated_at))
            return [
                _Quiet(call.call_sid, call.media_state == MediaState.CONNECTED, call.stream_generation)
                for call in calls
            ]

    async def _close(self, quiet: _Quiet, standing: PlacedCall | None) -> None:
        """Write the end that was never reported; a call that Twilio has forgotten is over as well."""
        seconds = standing.duration_seconds if standing is not None else None
        report = CallReport(
            call_sid=quiet.call_sid,
            status=standing.status if standing is not None else CallStatus.COMPLETED,
            from_number="",
            to_number="",
            direction="",
            fields={} if seconds is None else {"CallDuration": str(seconds)},
        )
        log.warning("status_was_lost", call_sid=quiet.call_sid, status=report.status.value)
        await note_status(self._sessions, self._billing, report, self._clock.now())

    async def _pull(self, quiet: _Quiet) -> None:
        """Take the call from its voice process, and have the next one go on from the checkpoint.

        The row says so first: whatever the process still stores as its end no longer counts.
        """
        log.error("call_pulled", call_sid=quiet.call_sid, generation=quiet.generation)
        now = self._clock.now()
        async with transaction(self._sessions) as session:
            rows = await CallBook(session).find(quiet.call_sid)
            if rows is None or rows.call.media_state != MediaState.CONNECTED:
                return
            state = rows.state(CallStatus.IN_PROGRESS)
            rows.store(after_stream(state, quiet.generation), now)
        try:
            await self._twilio.redirect(quiet.call_sid, self._addresses.after_stream(quiet.generation))
        except CallOver:
            return  # its status report, or the next look, closes it
