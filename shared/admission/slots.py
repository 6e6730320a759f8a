"""The slots of the voice tier, in Redis: voice processes publish how many are free, gateways reserve one for each call.

A publication lives for seconds unless it is renewed, so that a process that died takes its slots with it. A reservation
stands between "this call may connect" and the moment a voice process has it: fifty webhooks in one second do not all
get the last slot. Each side is one Lua script, on Redis's own clock. All names share a hash tag, for clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from redis.asyncio import Redis

PUBLISHED_FOR_S: Final = 3.0
"""How long a publication counts without being renewed; it is renewed every second."""
RESERVED_FOR_S: Final = 12.0
"""Longer than a socket may take to say which call it carries, connecting included."""
WAITS_FOR_S: Final = 30.0
"""How long a caller who was told to wait keeps their place without asking again; longer than a round of waiting."""
REMEMBERED_FOR_S: Final = 86_400.0
"""How long it is known that there was a voice tier at all."""

_PREFIX: Final = "{callwright:slots}:"
_KEYS: Final = [_PREFIX + name for name in ("processes", "free", "reserved", "waiting", "asked", "room")]
"""Processes by the end of their publication; free slots by process; reservations by their end; waiting callers by when
they came, and by when they will be forgotten; room for lost calls by process."""

_STANDING: Final = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local function later(seconds) return string.format('%.3f', now + seconds) end
local at = string.format('%.3f', now)
"""

_PUBLISH: Final = (
    _STANDING
    + """
redis.call('ZADD', KEYS[1], later(ARGV[3]), ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[6], ARGV[1], ARGV[4])
for place = 5, #ARGV do
    redis.call('ZREM', KEYS[3], ARGV[place])
end
"""
)
"""Process, its free slots, seconds they count, its room for lost calls, and the calls it has taken: their reservations
are used up."""

_LOOK: Final = (
    _STANDING
    + """
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. later(-ARGV[1]))
for _, process in ipairs(gone) do
    redis.call('ZREM', KEYS[1], process)
    redis.call('HDEL', KEYS[2], process)
    redis.call('HDEL', KEYS[6], process)
end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', at)
for _, call in ipairs(redis.call('ZRANGEBYSCORE', KEYS[5], '-inf', at)) do
    redis.call('ZREM', KEYS[4], call)
    redis.call('ZREM', KEYS[5], call)
end
local known = redis.call('ZCARD', KEYS[1])
local processes = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. at, '+inf')
local free = -redis.call('ZCARD', KEYS[3])
local room = free
for _, process in ipairs(processes) do
    local its = redis.call('HGET', KEYS[2], process) or 0
    free = free + tonumber(its)
    room = room + tonumber(redis.call('HGET', KEYS[6], process) or its)
end
"""
)
_STANDS: Final = _LOOK + "return {known, #processes, free, redis.call('ZCARD', KEYS[4])}"

_RESERVE: Final = (
    "redis.call('ZREM', KEYS[3], ARGV[6])\n"
    + _LOOK
    + """
local call, first = ARGV[2], ARGV[3] == '1'
local granted = redis.call('ZSCORE', KEYS[3], call) and 1 or 0
if granted == 0 and #processes > 0 then
    local place = redis.call('ZRANK', KEYS[4], call)
    local ahead = first and 0 or place or redis.call('ZCARD', KEYS[4])
    if (first and room or free) > ahead then
        granted = 1
        free = free - 1
        redis.call('ZADD', KEYS[3], later(ARGV[4]), call)
        redis.call('ZREM', KEYS[4], call)
        redis.call('ZREM', KEYS[5], call)
    elseif not first then
        redis.call('ZADD', KEYS[4], 'NX', at, call)
        redis.call('ZADD', KEYS[5], later(ARGV[5]), call)
    end
end
return {known, #processes, free, redis.call('ZCARD', KEYS[4]), granted}
"""
)
"""Asked twice for one call it grants once. Who came first is served first, and a call that was lost before all: it
goes wherever there is room, for a voice that may falter is better than none."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What one voice process can take."""

    free: int
    """New calls it can take and serve well."""
    room: int
    """Calls it can take at all, a lost one for instance; no fewer than `free`."""


NOTHING: Final = Offer(0, 0)


class Verdict(StrEnum):
    """Whether a call may connect."""

    ADMITTED = "admitted"
    FULL = "full"
    NO_TIER = "no_tier"
    """Voice processes have published before, and none does now."""
    UNKNOWN = "unknown"
    """Nobody has ever published: a new deployment, a Redis that was emptied, or one that is away."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the voice tier can take at a moment."""

    processes: int
    """Voice processes that publish."""
    free: int
    """Slots that nobody has and nobody has reserved; below zero when a process with reserved slots went away."""
    waiting: int
    """Callers who were told to wait."""
    known: bool
    """Whether there was ever a voice process."""


class Slots:
    """Both sides of it. Every method raises RedisError while Redis is away; deadlines are the caller's."""

    def __init__(self, redis: Redis) -> None:
        self._publish = redis.register_script(_PUBLISH)
        self._stands = redis.register_script(_STANDS)
        self._reserve = redis.register_script(_RESERVE)

    async def publish(
        self, process: str, offer: Offer, taken: Sequence[str] = (), for_s: float = PUBLISHED_FOR_S
    ) -> None:
        """This process can take so many more calls; the `taken` have arrived. For 0 s: it is gone."""
        await self._publish(keys=_KEYS, args=[process, offer.free, for_s, offer.room, *taken])

    async def look(self) -> Standing:
        """How the tier stands."""
        return _standing(await self._stands(keys=_KEYS, args=[REMEMBERED_FOR_S]))

    async def reserve(self, call_sid: str, generation: int) -> tuple[Verdict, Standing]:
        """A slot for this generation of the call's stream; refused, the call waits in line.

        A later generation is a call that was lost: it comes before everybody who waits, wherever there is room, and
        what was reserved for the generation before, should nobody have taken it, is free again. Asking again for the
        same one answers the same as long as the reservation stands.
        """
        call, before = reservation(call_sid, generation), reservation(call_sid, generation - 1)
        arguments = (REMEMBERED_FOR_S, call, int(generation > 1), RESERVED_FOR_S, WAITS_FOR_S, before)
        found: list[Any] = await self._reserve(keys=_KEYS, args=arguments)
        standing = _standing(found)
        if found[4]:
            return Verdict.ADMITTED, standing
        if standing.processes:
            return Verdict.FULL, standing
        return (Verdict.NO_TIER if standing.known else Verdict.UNKNOWN), standing


def _standing(found: Sequence[Any]) -> Standing:
    known, processes, free, waiting = (int(value) for value in found[:4])
    return Standing(processes, free, waiting, known > 0)


def reservation(call_sid: str, generation: int) -> str:
    """What the slot of a call's stream is reserved under."""
    return f"{call_sid}:{generation:d}"
