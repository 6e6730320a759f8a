"""A board whose knowledge is shared with all processes of the deployment."""

from __future__ import annotations

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from shared.clock import Clock
from shared.messaging.shared_values import SharedValues
from shared.resilience.board import REDIS_WITHIN_S, Board
from shared.settings import RedisSettings


def shared_board(room: str, settings: RedisSettings, clock: Clock) -> Board:
    """A board on the Redis of the settings; nothing connects before it runs."""
    redis = Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=REDIS_WITHIN_S,
        socket_connect_timeout=REDIS_WITHIN_S,
        retry=Retry(NoBackoff(), 0),
    )
    return Board(room, clock, SharedValues(redis))
