"""Looks up API keys by their keyed hash, and remembers good ones for a few seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from shared.clock import Clock
from shared.database.engine import AsyncSessions
from shared.database.health import guarded
from shared.database.models import ApiKey
from shared.database.transactions import transaction
from shared.errors import Unauthenticated
from shared.resilience.breaker import Breaker
from shared.security.api_keys import Scope, is_well_formed, key_hash

REMEMBERED_S = 5.0
"""A revoked key dies within this time in every process; promised are 10 s."""
MOST_REMEMBERED = 1000
LOOK_UP_WITHIN_S = 2.5
"""Whoever asks while the database stands still is told so, at once when that is known."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key that was good when it was looked up."""

    id: UUID
    scopes: frozenset[Scope]
    expires_at: datetime | None


class KeyRing:
    """Tells good keys from bad ones."""

    def __init__(self, sessions: AsyncSessions, pepper: str, clock: Clock, database: Breaker) -> None:
        self._database = database
        self._sessions = sessions
        self._pepper = pepper
        self._clock = clock
        self._remembered: dict[bytes, tuple[Key, float]] = {}

    async def read(self, credential: str) -> Key:
        """The key. Raises Unauthenticated when there is none, or it is revoked or expired, and DatabaseAway soon."""
        if not is_well_formed(credential):
            raise Unauthenticated("this is not an API key of ours")
        digest = key_hash(credential, self._pepper)
        key = self._recall(digest) or await self._look_up(digest)
        if key.expires_at is not None and key.expires_at <= self._clock.now():
            raise Unauthenticated("this API key has expired")
        return key

    def remembers(self, credential: str) -> bool:
        """Whether this was a good key a moment ago, so that reading it costs nothing."""
        return self._recall(key_hash(credential, self._pepper)) is not None

    def _recall(self, digest: bytes) -> Key | None:
        key, until = self._remembered.get(digest, (None, 0.0))
        return key if until > self._clock.monotonic() else None

    async def _look_up(self, digest: bytes) -> Key:
        asked_at = self._clock.monotonic()
        row = await guarded(self._database, LOOK_UP_WITHIN_S, self._read_row(digest))
        if row is None:
            raise Unauthenticated("there is no such API key")
        if row.revoked_at is not None:
            raise Unauthenticated("this API key was revoked")
        key = Key(row.id, frozenset(Scope(name) for name in row.scopes if name in set(Scope)), row.expires_at)
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[digest] = (key, asked_at + REMEMBERED_S)
        return key

    async def _read_row(self, digest: bytes) -> ApiKey | None:
        async with transaction(self._sessions) as session:
            return await session.scalar(select(ApiKey).where(ApiKey.key_hash == digest))
