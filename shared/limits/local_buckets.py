"""Buckets of this process alone: what holds while Redis is away, and limits that are a process's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from shared.clock import Clock
from shared.limits.bucket import Bucket, Level, Refusal, draw

MOST: Final = 10_000
"""Buckets, and answers, that are kept; the ones that were used longest ago are forgotten first."""

Value = TypeVar("Value")


class LocalBuckets:
    """One per process. Memory is bounded, whoever asks."""

    def __init__(self, clock: Clock, most: int = MOST) -> None:
        self._clock = clock
        self._most = most
        self._levels: dict[str, Level] = {}
        self._answers: dict[str, Refusal | None] = {}

    def draw(self, buckets: Sequence[Bucket], once: str | None = None) -> Refusal | None:
        """Why not, or None; asked again under the same `once` it answers the same and takes no second token."""
        is_repeat = once is not None and once in self._answers
        drawn = [bucket for bucket in buckets if bucket.each_time or not is_repeat]
        refusal, levels = draw(drawn, [self._levels.get(bucket.name) for bucket in drawn], self._clock.monotonic())
        for bucket, level in zip(drawn, levels, strict=True):
            _keep(self._levels, bucket.name, level, self._most)
        if once is None:
            return refusal
        if is_repeat:
            return refusal or self._answers[once]
        if refusal is None or not any(bucket.each_time for bucket in buckets if bucket.kind is refusal.kind):
            _keep(self._answers, once, refusal, self._most)
        return refusal


def _keep(kept: dict[str, Value], name: str, value: Value, most: int) -> None:
    """Put it last, and drop what has lain longest when there are too many."""
    kept.pop(name, None)
    kept[name] = value
    if len(kept) > most:
        del kept[next(iter(kept))]
