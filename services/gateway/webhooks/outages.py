"""What webhooks do about a database that is away: notice it soon, keep calls in Redis, and bring back what was kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, TypeVar

from services.gateway.webhooks.call_book import CallRows
from services.gateway.webhooks.report import CallReport
from services.gateway.webhooks.without_record import WithoutRecord
from shared.database.health import guarded
from shared.errors import Transient
from shared.messaging.shared_values import AWAY
from shared.record.bring_back import Returning, returning
from shared.record.kept_calls import KeptCalls
from shared.resilience.breaker import Breaker

KEPT_WITHIN_S: Final = 0.5
"""How long a webhook waits to learn whether something of its call is kept."""

Result = TypeVar("Result")


class Outages:
    """One per process."""

    def __init__(self, database: Breaker, kept_calls: KeptCalls, without_record: WithoutRecord) -> None:
        self.without_record = without_record
        self._database = database
        self._kept_calls = kept_calls

    async def ask(self, within_s: float, work: Coroutine[Any, Any, Result]) -> Result:
        """What this work with the database comes to. Raises DatabaseAway in time, and at once while it is away."""
        return await guarded(self._database, within_s, work)

    async def kept_of(self, call_sid: str) -> Returning | None:
        """What is kept of this call; without Redis nobody knows, and the record is all there is."""
        with suppress(*AWAY):
            async with asyncio.timeout(KEPT_WITHIN_S):
                return await returning(self._kept_calls, call_sid)
        return None

    async def forget(self, kept: Returning) -> None:
        """It is in the record. When Redis cannot be told it is brought back once more, which changes nothing."""
        with suppress(*AWAY):
            async with asyncio.timeout(KEPT_WITHIN_S):
                await kept.committed()

    async def has_kept(self, call_sid: str) -> bool:
        """Whether something of this call waits for the record."""
        with suppress(*AWAY):
            async with asyncio.timeout(KEPT_WITHIN_S):
                return bool((await self._kept_calls.read(call_sid)).value)
        return False

    async def keep(self, report: CallReport, now: datetime, change: Callable[[CallRows], None]) -> None:
        """Keep the call as this changes it. Raises Transient when Redis is away as well."""

        async def changed(rows: CallRows) -> None:
            change(rows)

        try:
            async with asyncio.timeout(KEPT_WITHIN_S):
                await self.without_record.change(report, now, changed)
        except AWAY as error:
            raise Transient("neither the record nor Redis answers") from error
