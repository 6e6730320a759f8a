"""A level that a person has set for a while: kept in Redis, which forgets it at its end, and known to all processes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from redis.asyncio import Redis

from shared.degradation.levels import Level

KEY: Final = "callwright:degradation"


class Override(BaseModel):
    """What was set, by whom and until when."""

    level: Level
    reason: str
    set_by: str
    """The id of the API key."""
    expires_at: datetime


class Overrides:
    """Reads and sets it. Raises `shared.messaging.shared_values.AWAY`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def read(self) -> tuple[Override, float] | None:
        """What is set, and for how many more seconds by Redis's clock."""
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.get(KEY)
        pipeline.pttl(KEY)
        value, left_ms = await pipeline.execute()
        if not value:
            return None
        try:
            return Override.model_validate_json(value), max(left_ms, 0) / 1000
        except ValidationError:
            return None  # of another version

    async def set(self, override: Override, for_s: float) -> None:
        """Set it in the place of any other."""
        await self._redis.set(KEY, override.model_dump_json(), px=round(for_s * 1000))

    async def clear(self) -> None:
        """Let health decide again."""
        cleared: Any = self._redis.delete(KEY)
        await cleared

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
