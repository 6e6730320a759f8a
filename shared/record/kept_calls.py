"""Calls whose record cannot be written because PostgreSQL is away: kept in Redis until it is back.

Of each call a snapshot of its rows, as far as they are known and changed, and a stream of its turns. Whoever wants
to change a snapshot must have seen the present one, so gateway and voice process may both do so. Nothing here is the
truth for longer than the outage: `bring_back.py` writes it all into the record, in order, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID, uuid5

import orjson
from pydantic import BaseModel, ValidationError
from redis.asyncio import Redis

from shared.database.base import Base
from shared.messaging.shared_values import SharedValues

KEPT_S: Final = 7 * 24 * 3600.0
MOST_CALLS: Final = 50_000
"""Then no further call is kept: about 1 GB with their turns."""
MOST_TURNS: Final = 2_000
"""Of one call."""
AT_ONCE: Final = 50
INDEX: Final = "callwright:kept:calls"
_IDS: Final = UUID("5d0d2f6a-6f0d-4c37-9a5e-2f4ab4b6a001")

Row = TypeVar("Row", bound=Base)


class KeptCall(BaseModel):
    """The columns of `calls` and `conversations` that are known, and whom the call is led by."""

    call: dict[str, Any] = {}
    conversation: dict[str, Any] = {}
    profile: dict[str, Any] | None = None
    """Of its agent, set by whoever knows all columns: then the rows can be made from this."""
    transfer: dict[str, Any] | None = None
    """The columns of `transfers`: who was rung, and how that went."""
    sessions: list[dict[str, Any]] = []
    """Rows of `call_sessions`: what voice processes did that have left the call meanwhile."""
    charges: list[dict[str, Any]] = []
    """Rows of `charges`: what they used."""


@dataclass(frozen=True, slots=True)
class Held:
    """What Redis holds of a call."""

    value: bytes
    kept: KeptCall | None


def conversation_id_of(call_sid: str) -> UUID:
    """The conversation of a call has one id, whoever makes its row first, and with or without a database."""
    return uuid5(_IDS, f"conversation {call_sid}")


def call_id_of(call_sid: str) -> UUID:
    """The same for the call itself."""
    return uuid5(_IDS, f"call {call_sid}")


def values_of(row: Base) -> dict[str, Any]:
    """The columns of a row that are set."""
    values = {column.key: getattr(row, column.key) for column in row.__table__.columns}
    return {name: value for name, value in values.items() if value is not None}


def typed(model: type[Base], values: Mapping[str, Any]) -> dict[str, Any]:
    """Values that were JSON, in the types of the columns; names that are none are left out."""
    columns = model.__table__.columns
    return {name: _typed(columns[name].type.python_type, value) for name, value in values.items() if name in columns}


def _typed(wanted: type, value: Any) -> Any:
    if isinstance(value, str):
        if wanted is datetime:
            return datetime.fromisoformat(value)
        if wanted is date:
            return date.fromisoformat(value)
        if wanted is Decimal:
            return Decimal(value)
        if wanted is UUID:
            return UUID(value)
    return value


class KeptCalls:
    """One per process. Its methods raise `shared.messaging.shared_values.AWAY` when Redis is away as well."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._values = SharedValues(redis)

    async def read(self, call_sid: str) -> Held:
        """What is kept of this call."""
        value: Any = await self._redis.get(_call(call_sid)) or b""
        try:
            return Held(value, KeptCall.model_validate_json(value) if value else None)
        except ValidationError:
            return Held(value, None)

    async def write(self, call_sid: str, held: Held, kept: KeptCall) -> bool:
        """Keep this, unless somebody has changed it meanwhile, or there is no more room."""
        if not held.value and await self._redis.scard(INDEX) >= MOST_CALLS:
            return False
        await self._redis.sadd(INDEX, call_sid)
        written, _ = await self._values.swap(_call(call_sid), held.value, kept.model_dump_json().encode(), KEPT_S)
        await self._redis.sadd(INDEX, call_sid)  # somebody may have forgotten the call in between
        return written

    async def add_turns(self, call_sid: str, turns: Sequence[Mapping[str, Any]]) -> None:
        """Keep these rows of `turns`, behind those that are kept already. Twice is once."""
        pipeline = self._redis.pipeline(transaction=True)
        for turn in turns:
            pipeline.xadd(_turns(call_sid), {"turn": orjson.dumps(turn)}, maxlen=MOST_TURNS)
        pipeline.expire(_turns(call_sid), round(KEPT_S))
        await pipeline.execute()

    async def turns(self, call_sid: str) -> list[tuple[bytes, dict[str, Any]]]:
        """The kept turns in their order, with the names under which `forget` knows them."""
        entries: Any = await self._redis.xrange(_turns(call_sid))
        return [(name, orjson.loads(entry[b"turn"])) for name, entry in entries]

    async def forget(self, call_sid: str, held: Held, turns: Sequence[bytes]) -> None:
        """This much is in the record; what was added meanwhile stays.

        Turns are added before the snapshot is changed that belongs to them: those that were not read are left alone.
        """
        if turns:
            await self._redis.xdel(_turns(call_sid), *turns)
        await self._redis.srem(INDEX, call_sid)
        gone, _ = await self._values.swap(_call(call_sid), held.value, b"", KEPT_S)
        if not gone:
            await self._redis.sadd(INDEX, call_sid)

    async def waiting(self) -> list[str]:
        """Some of the calls that wait for the record."""
        found: Any = await self._redis.srandmember(INDEX, AT_ONCE)
        return [sid.decode() for sid in found or ()]

    async def count(self) -> int:
        """How many calls wait for the record."""
        return int(await self._redis.scard(INDEX))


def _call(call_sid: str) -> str:
    return f"callwright:kept:call:{call_sid}"


def _turns(call_sid: str) -> str:
    return f"callwright:kept:turns:{call_sid}"
