"""Calls that are to be recorded: Twilio is asked when the caller has heard it, and never before.

That they heard it is what the heard ledger of the voice process proved, written with the conversation's state. It is
a row before it is a request: two gateways, or one that is lost in the middle, do not record a call twice.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, literal_column, or_, select
from sqlalchemy.dialects.postgresql import insert

from services.gateway.telephone.twilio_calls import CallOver, TwilioCalls
from services.gateway.webhooks.twiml import Addresses
from shared.clock import Clock
from shared.contracts.calls import CallStatus, RecordingKind, RecordingStatus
from shared.conversation.state import RecordingNotice
from shared.database.engine import AsyncSessions
from shared.database.models import Agent, Call, Conversation, Recording
from shared.database.transactions import transaction
from shared.errors import CallwrightError, OutcomeUnknown, Permanent, Transient
from shared.observability import metrics
from shared.observability.logs import get_logger

log = get_logger(__name__)

LOOK_EVERY_S: Final = 1.0
"""What is said between the notice and the recording is lost to it."""
AFTER_OUTAGE_S: Final = 10.0
SOON: Final = timedelta(seconds=5)
"""After a request of which certainly nothing was done."""
AGAIN: Final = timedelta(seconds=30)
"""Until a request whose end nobody knows is looked up: longer than any request may take."""
NEVER: Final = timedelta(days=1)
"""Twilio has refused: it will do so again, and no call lasts that long."""
MOST_AT_ONCE: Final = 20
_TALKING: ColumnElement[bool] = literal_column("calls.media_state IN ('connected', 'plain')")
"""Written out, so that the partial index serves it."""


@dataclass(frozen=True, slots=True)
class _Due:
    call_id: UUID
    call_sid: str
    was_asked: bool
    """Somebody has asked before, and it is not known what came of it."""


class RecordingsDue:
    """Looks for such calls; each is asked for by one gateway."""

    def __init__(self, sessions: AsyncSessions, clock: Clock, twilio: TwilioCalls, addresses: Addresses) -> None:
        self._sessions = sessions
        self._clock = clock
        self._twilio = twilio
        self._addresses = addresses

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            pause = LOOK_EVERY_S
            try:
                await self.look()
            except (CallwrightError, OSError) as error:
                pause = AFTER_OUTAGE_S
                log.warning("recordings_not_seen", error=type(error).__name__)
            await asyncio.sleep(pause)

    async def look(self) -> None:
        """Look once. Raises Transient when the database is away."""
        for due in await self._take():
            await self._begin(due)

    async def _take(self) -> list[_Due]:
        now = self._clock.now()
        has_one = select(Recording.recording_sid).where(
            Recording.call_id == Call.id, Recording.kind == RecordingKind.CALL
        )
        due = (
            select(Call)
            .join(Conversation)
            .join(Agent)
            .where(
                _TALKING,
                Call.status == CallStatus.IN_PROGRESS,
                Agent.records_calls,
                Conversation.checkpoint["recording"].astext == RecordingNotice.TOLD,
                or_(Call.recording_due_at.is_(None), Call.recording_due_at <= now),
                ~has_one.exists(),
            )
            .limit(MOST_AT_ONCE)
            .with_for_update(of=Call, skip_locked=True)
        )
        async with transaction(self._sessions) as session:
            calls = (await session.scalars(due)).all()
            found = [_Due(call.id, call.call_sid, call.recording_due_at is not None) for call in calls]
            for call in calls:
                call.recording_due_at = now + AGAIN
        return found

    async def _begin(self, due: _Due) -> None:
        """Have one call recorded; a failure is noted, counted, and never the caller's."""
        try:
            sid = await self._twilio.recording_of(due.call_sid) if due.was_asked else None
            sid = sid or await self._twilio.record(due.call_sid, self._addresses.recording)
        except CallOver:
            self._note(due, "over")
            return
        except Permanent as error:
            self._note(due, "refused", str(error))
            await self._again_after(due, NEVER)
            return
        except Transient as error:
            self._note(due, "away", str(error))
            await self._again_after(due, SOON)
            return
        except OutcomeUnknown as error:  # it is looked up before the next try
            self._note(due, "unknown", str(error))
            return
        self._note(due, "begun")
        known = insert(Recording).values(
            recording_sid=sid, call_id=due.call_id, kind=RecordingKind.CALL, status=RecordingStatus.IN_PROGRESS
        )
        async with transaction(self._sessions) as session:
            await session.execute(known.on_conflict_do_nothing())

    async def _again_after(self, due: _Due, wait: timedelta) -> None:
        async with transaction(self._sessions) as session:
            call = await session.get_one(Call, due.call_id, with_for_update=True)
            call.recording_due_at = self._clock.now() + wait

    def _note(self, due: _Due, result: str, reason: str = "") -> None:
        metrics.recordings_asked_total.labels(result=result).inc()
        write = log.info if result in ("begun", "over") else log.warning
        write("recording_asked", call_sid=due.call_sid, kind=result, reason=reason)
