"""A connection that is kept for a moment, for statements that come many times a second.

To take one from the pool, ask whether it is still alive, set how it commits and give it back costs three times as much
as the statement of a batch itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from shared.database.engine import AsyncSessions
from shared.task_group import TaskSet

HELD_S: Final = 1.0
"""How long one is kept: not so long that others who wait for the pool would give up."""


@dataclass(frozen=True, slots=True)
class _Taken:
    session: AsyncSession
    connection: AsyncConnection


class HeldConnection:
    """Statements that are transactions of their own, over one connection while they come quickly. Close it."""

    def __init__(self, sessions: AsyncSessions) -> None:
        self._sessions = sessions
        self._held: _Taken | None = None
        """Taken from the pool, and not in use."""
        self._timer: asyncio.TimerHandle | None = None
        self._tasks = TaskSet("held connection")

    async def execute(self, statement: Executable, values: Mapping[str, Any]) -> None:
        """Execute and commit. Raises what the driver raises; the connection is not used again then."""
        taken, self._held = self._held or await self._take(), None
        try:
            await taken.connection.execute(statement, values)
        except BaseException:
            await _give_back(taken)
            raise
        if self._held is not None:  # somebody waited for us in vain, and took another
            await _give_back(taken)
            return
        self._held = taken
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(HELD_S, self._on_timer)

    async def _take(self) -> _Taken:
        session = self._sessions()
        try:
            return _Taken(session, await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"}))
        except BaseException:
            await session.close()
            raise

    def _on_timer(self) -> None:
        self._timer = None
        if self._held is not None:
            taken, self._held = self._held, None
            self._tasks.start(_give_back(taken), "give back")

    async def close(self) -> None:
        """Give back what is held."""
        if self._timer is not None:
            self._timer.cancel()
        if self._held is not None:
            taken, self._held = self._held, None
            await _give_back(taken)
        await self._tasks.close()


async def _give_back(taken: _Taken) -> None:
    """Let the pool have it; one that broke is thrown away there."""
    with suppress(DBAPIError, OSError):
        await taken.session.close()
