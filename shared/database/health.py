"""How the database is doing, as all processes know it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from sqlalchemy import text

from shared.database.engine import AsyncSessions
from shared.database.transactions import DatabaseAway
from shared.database.within import within
from shared.resilience.breaker import Breaker, BreakerOpen
from shared.resilience.circuit import Rules

DATABASE: Final = "database"
DATABASE_RULES: Final = Rules(failures=3, rest_s=1.0, longest_rest_s=4.0, lease_s=4.0)
"""Every call needs it: it is left alone soon, and tried again soon."""
ANSWER_WITHIN_S: Final = 2.0

Result = TypeVar("Result")


async def guarded(database: Breaker, within_s: float, work: Coroutine[Any, Any, Result]) -> Result:
    """What this work with the database comes to. Raises DatabaseAway in time, and at once while it is away."""
    try:
        database.enter()
    except BreakerOpen as error:
        work.close()
        raise DatabaseAway(error.detail) from error
    try:
        result = await within(within_s, work)
    except DatabaseAway as error:
        database.failed(type(error.__cause__ or error).__name__)
        raise
    database.succeeded()
    return result


async def ask_anything(sessions: AsyncSessions) -> None:
    """Whether it answers. Raises what SQLAlchemy raises, and DatabaseAway when it takes too long."""

    async def ask() -> None:
        async with sessions() as session:
            await session.execute(text("SELECT 1"))

    await within(ANSWER_WITHIN_S, ask())
