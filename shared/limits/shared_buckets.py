"""Buckets that all processes share, in Redis: everything one request draws from in one script, on Redis's own clock.

A bucket lies there only until it would be full again. All names share a hash tag, for clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from redis.asyncio import Redis

from shared.limits.bucket import Bucket, Refusal

REMEMBERED_FOR_S: Final = 3600
"""How long a repeat gets the answer of the first time. Twilio repeats within a minute; every call that ever came would
be a flood's way to fill Redis."""

_PREFIX: Final = "{callwright:limits}:"

_DRAW: Final = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local remember_s = tonumber(ARGV[1])
local before = remember_s > 0 and redis.call('GET', KEYS[1])
local refused, wait, lefts = 0, 0, {}
for place = 2, #KEYS do
    local most, each_time = tonumber(ARGV[place * 2 - 2]), ARGV[place * 2 - 1] == '1'
    if each_time or not before then
        local known = redis.call('HMGET', KEYS[place], 'left', 'at')
        local passed = math.max(0, now - (tonumber(known[2]) or now))
        local left = math.min(most, (tonumber(known[1]) or most) + passed * most / 60)
        lefts[place] = left
        if left < 1 then
            if refused == 0 then refused = place - 1 end
            wait = math.max(wait, (1 - left) * 60 / most)
        end
    end
end
if refused == 0 then
    for place, left in pairs(lefts) do
        local most = tonumber(ARGV[place * 2 - 2])
        redis.call('HSET', KEYS[place], 'left', string.format('%.6f', left - 1), 'at', string.format('%.6f', now))
        redis.call('PEXPIRE', KEYS[place], math.ceil((most - left + 1) * 60000 / most) + 1000)
    end
end
if before then
    if refused == 0 then refused = tonumber(before) end
elseif remember_s > 0 and (refused == 0 or ARGV[refused * 2 + 1] ~= '1') then
    redis.call('SET', KEYS[1], refused, 'EX', remember_s)
end
return {refused, math.ceil(wait * 1000)}
"""
"""Keys: what is remembered of this request, then the buckets. Arguments: seconds to remember it, 0 for not at all, then
of each bucket its tokens a minute and whether a repeat draws again. Answers which bucket refused, from 1, and the
milliseconds to wait."""


class SharedBuckets:
    """Raises RedisError while Redis is away; deadlines are the caller's."""

    def __init__(self, redis: Redis) -> None:
        self._draw = redis.register_script(_DRAW)

    async def draw(self, buckets: Sequence[Bucket], once: str | None = None) -> Refusal | None:
        """Why not, or None; asked again under the same `once` it answers the same and takes no second token."""
        keys = [f"{_PREFIX}once:{once or ''}", *(_PREFIX + bucket.name for bucket in buckets)]
        numbers = [number for bucket in buckets for number in (bucket.per_minute, int(bucket.each_time))]
        refused, wait_ms = await self._draw(keys=keys, args=[REMEMBERED_FOR_S if once else 0, *numbers])
        return Refusal(buckets[refused - 1].kind, wait_ms / 1000) if refused else None
