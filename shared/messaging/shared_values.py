"""Small values in Redis that several processes change: read together, replaced only by who has seen the present one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

AWAY: Final = (RedisError, OSError, TimeoutError)
"""What the methods raise when Redis does not answer."""


def heed_cancellation() -> None:
    """To be called in each round of a loop without an end.

    The Redis client takes a cancellation that meets it while it connects for a time-out, and the task would go on.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


_SWAP: Final = """
local held = redis.call('GET', KEYS[1]) or ''
if held ~= ARGV[1] then
    return {0, held}
end
if ARGV[2] == '' then
    redis.call('DEL', KEYS[1])
else
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return {1, ARGV[2]}
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """Values as they were at one moment of Redis's clock; an empty one is not there."""

    at: float
    values: tuple[bytes, ...]


class SharedValues:
    """Reads and swaps. An empty value stands for none."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._swap = redis.register_script(_SWAP)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def read(self, keys: Sequence[str]) -> Seen:
        """The values of these keys, of which there must be one."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.time()
        pipeline.mget(keys)
        (seconds, microseconds), values = await pipeline.execute()
        return Seen(seconds + microseconds / 1e6, tuple(value or b"" for value in values))

    async def swap(self, key: str, held: bytes, new: bytes, kept_s: float) -> tuple[bool, bytes]:
        """Put `new` where `held` is; whether that was so, and what is there now."""
        arguments: list[Any] = [held, new, round(kept_s * 1000)]
        swapped, present = await cast(Awaitable[Any], self._swap(keys=[key], args=arguments))
        return bool(swapped), present
