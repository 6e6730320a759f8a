"""Brings back what was kept of calls while PostgreSQL was away, as soon as it answers again."""

from __future__ import annotations

import asyncio
from typing import Final

from services.gateway.webhooks.billing import Billing
from services.gateway.webhooks.call_book import CallBook
from shared.clock import Clock
from shared.database.engine import AsyncSessions
from shared.database.transactions import transaction
from shared.database.within import within
from shared.errors import Transient
from shared.messaging.shared_values import AWAY, heed_cancellation
from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.record.bring_back import returning
from shared.record.kept_calls import KeptCalls

log = get_logger(__name__)

LOOK_EVERY_S: Final = 1.0
WRITTEN_WITHIN_S: Final = 5.0


class KeptCallsWatch:
    """Runs in each gateway: two that bring back the same call do it once."""

    def __init__(self, sessions: AsyncSessions, kept_calls: KeptCalls, billing: Billing, clock: Clock) -> None:
        self._billing = billing
        self._sessions = sessions
        self._kept_calls = kept_calls
        self._clock = clock

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                metrics.kept_calls.set(await self._kept_calls.count())
                for call_sid in await self._kept_calls.waiting():
                    await self._try(call_sid)
            except (*AWAY, Transient) as error:
                log.warning("kept_calls_wait", error=type(error).__name__)
            heed_cancellation()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _try(self, call_sid: str) -> None:
        """Bring a call back; one that cannot be written stays kept, and holds up no other."""
        try:
            await self.bring_back(call_sid)
        except (*AWAY, Transient):
            raise
        except Exception as error:  # noqa: BLE001  (no traceback: the row is what a caller said)
            log.error("kept_call_refused", call_sid=call_sid, error=type(error).__name__)  # noqa: TRY400

    async def bring_back(self, call_sid: str) -> None:
        """Write what is kept of this call. Raises DatabaseAway, and AWAY."""
        found = await returning(self._kept_calls, call_sid)
        if found is None:
            return

        async def write() -> None:
            async with transaction(self._sessions) as session:
                await found.write(session, self._clock.now())
                rows = await CallBook(session).find(call_sid)
                if rows is not None:
                    await self._billing.note_transfer(session, rows.conversation, rows.transfer)
                if rows is not None and rows.call.duration_seconds is not None:
                    await self._billing.note_end(session, rows.conversation, rows.call)

        await within(WRITTEN_WITHIN_S, write())
        await found.committed()
