"""How the database is doing, as all processes know it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import text

from shared.database.engine import AsyncSessions
from shared.database.within import within
from shared.resilience.circuit import Rules

DATABASE: Final = "database"
DATABASE_RULES: Final = Rules(failures=3, rest_s=1.0, longest_rest_s=4.0, lease_s=4.0)
"""Every call needs it: it is left alone soon, and tried again soon."""
ANSWER_WITHIN_S: Final = 2.0


async def ask_anything(sessions: AsyncSessions) -> None:
    """Whether it answers. Raises what SQLAlchemy raises, and DatabaseAway when it takes too long."""

    async def ask() -> None:
        async with sessions() as session:
            await session.execute(text("SELECT 1"))

    await within(ANSWER_WITHIN_S, ask())
