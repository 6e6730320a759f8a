"""A ladder on the Redis of the settings."""

from __future__ import annotations

from collections.abc import Callable

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from shared.clock import Clock
from shared.degradation.ladder import REDIS_WITHIN_S, Ladder
from shared.degradation.levels import Health
from shared.degradation.override import Overrides
from shared.settings import RedisSettings


def shared_ladder(settings: RedisSettings, health: Callable[[], Health], clock: Clock) -> Ladder:
    """A ladder whose override is that of the whole deployment; nothing connects before it runs."""
    redis = Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=REDIS_WITHIN_S,
        socket_connect_timeout=REDIS_WITHIN_S,
        retry=Retry(NoBackoff(), 0),
    )
    return Ladder(Overrides(redis), health, clock)
