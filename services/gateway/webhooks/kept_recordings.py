"""What Twilio reported about recordings while PostgreSQL was away: kept in Redis until it is written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from redis.asyncio import Redis

from shared.contracts.calls import RecordingKind, RecordingStatus
from shared.record.kept_calls import KEPT_S

KEY: Final = "callwright:kept:recordings"
MOST: Final = 50_000
"""Then no further report is kept."""


class KeptReport(BaseModel):
    """One report about one recording."""

    call_sid: str
    kind: RecordingKind
    status: RecordingStatus | None
    fields: dict[str, str]
    """Of Twilio's report, those that are about the recording."""
    came_at: datetime


class KeptRecordings:
    """One per process. Its methods raise `shared.messaging.shared_values.AWAY` when Redis is away as well."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def keep(self, report: KeptReport) -> bool:
        """Keep this; the same report twice is one. False when there is no more room."""
        if await _answer(self._redis.hlen(KEY)) >= MOST:
            return False
        name = f"{report.fields['RecordingSid']}:{report.status or ''}"
        await _answer(self._redis.hset(KEY, name, report.model_dump_json()))
        await _answer(self._redis.expire(KEY, round(KEPT_S)))
        return True

    async def waiting(self) -> Mapping[str, KeptReport]:
        """What is kept, by the names under which `forget` knows it; what another version has kept is left alone."""
        found: dict[str, KeptReport] = {}
        for name, value in (await _answer(self._redis.hgetall(KEY))).items():
            try:
                found[name.decode()] = KeptReport.model_validate_json(value)
            except ValidationError:
                continue
        return found

    async def forget(self, name: str) -> None:
        """It is written."""
        await _answer(self._redis.hdel(KEY, name))


async def _answer(asked: Any) -> Any:
    """redis-py types an answer as one that may be there already."""
    return await asked
