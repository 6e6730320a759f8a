"""How much waits in each queue and how much is being worked on, as Celery keeps it in Redis."""

from __future__ import annotations

from collections import Counter

import orjson
import redis

from services.workers import watch_metrics as metrics
from shared.contracts.tasks import Queue

UNACKNOWLEDGED = "unacked"
"""Hash of all messages that a worker holds: with late acknowledgement also those that run or wait for a retry."""
READ_AT_ONCE = 500


def measure(client: redis.Redis) -> None:
    """Set the gauges. Raises RedisError."""
    held = Counter(_queue_of(message) for _, message in client.hscan_iter(UNACKNOWLEDGED, count=READ_AT_ONCE))
    for queue in Queue:
        metrics.queue_waiting.labels(queue=queue.value).set(int(client.llen(queue.value)))
        metrics.queue_running.labels(queue=queue.value).set(held[queue.value])


def _queue_of(message: bytes) -> str:
    """A held message is a list of the message, its exchange and its routing key; ours is the queue's name."""
    return str(orjson.loads(message)[2])
