"""May this stream speak for the call it names? Its token says so once, and the call's row can be claimed once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from services.voice.record.call_rows import ClaimedCall, claim
from services.voice.record.keeping import Keeping
from services.voice.record.recorder import is_outage
from services.voice.transport.introduction import Introduction
from services.voice.transport.media_stream import StreamRefused
from services.voice.transport.stream_token import StreamTokens
from shared.clock import Clock
from shared.database.engine import AsyncSessions
from shared.database.transactions import DatabaseAway
from shared.database.within import within
from shared.errors import Transient
from shared.messaging.shared_values import AWAY
from shared.resilience.backoff import backoff
from shared.resilience.breaker import Breaker

RECORD_WITHIN_S: Final = 2.0
"""One try with the database."""
DATABASE_WITHIN_S: Final = 2.5
"""The caller hears nothing meanwhile; after that the gateway takes the line again."""


class Admission:
    """Turns a socket's first message into a call of this process."""

    def __init__(
        self, tokens: StreamTokens, sessions: AsyncSessions, clock: Clock, database: Breaker, keeping: Keeping
    ) -> None:
        self._database = database
        self._keeping = keeping
        self._tokens = tokens
        self._sessions = sessions
        self._clock = clock

    async def __call__(self, details: Introduction) -> ClaimedCall:
        """The claimed call. Raises StreamRefused, and Transient when the database does not answer in time."""
        generation = await self._tokens.accept(details)
        try:
            async with asyncio.timeout(DATABASE_WITHIN_S):
                claimed = await self._claim(details.call_sid, generation)
        except TimeoutError:
            raise Transient("the database does not answer") from None
        if claimed is None:
            raise StreamRefused("no call waits for this stream")
        return claimed

    async def _claim(self, call_sid: str, generation: int) -> ClaimedCall | None:
        """The call out of the record, or out of what is kept while the record is away.

        A breaker that is open holds nobody back: a call that is not kept is in the record or nowhere.
        """
        waits = backoff(0.1, 0.5)
        while True:
            claimed = None if self._database.is_closed else await self._kept(call_sid, generation)
            if claimed is not None:
                return claimed
            try:
                claimed = await within(RECORD_WITHIN_S, claim(self._sessions, call_sid, generation))
            except Exception as error:
                if not (isinstance(error, DatabaseAway) or is_outage(error)):
                    raise
                self._database.failed(type(error).__name__)
            else:
                self._database.succeeded()
                return claimed or await self._kept(call_sid, generation)
            claimed = await self._kept(call_sid, generation)
            if claimed is not None:
                return claimed
            await asyncio.sleep(next(waits))

    async def _kept(self, call_sid: str, generation: int) -> ClaimedCall | None:
        with suppress(*AWAY):
            return await self._keeping.claim(call_sid, generation)
        return None
