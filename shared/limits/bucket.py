"""Token buckets, pure: a bucket fills at a steady rate up to what it holds, and whatever is limited takes one token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is limited, as metrics and logs name it."""

    CALLER = "caller"
    """Calls from one number."""
    NUMBER = "number"
    """Calls to one of our numbers."""
    CALLS = "calls"
    """Calls to all of them."""
    WEBHOOKS = "webhooks"
    """Signed webhooks of any kind."""
    SOCKETS = "sockets"
    """Handshakes of sockets in all voice processes."""
    PROCESS_SOCKETS = "process_sockets"
    """The same in one process."""
    KEY = "key"
    """Requests with one API key."""
    FAILED_KEYS = "failed_keys"
    """Requests from one address without a good key."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket that a request draws from."""

    kind: Kind
    of: str
    """Whose it is, within its kind; no personal data: it stands in Redis as it is."""
    per_minute: int
    """Tokens that flow in; a full bucket holds a minute's worth, so that as many may come at once."""
    each_time: bool = False
    """Whether a repeat of the same request draws again."""

    @property
    def name(self) -> str:
        """Its name among all buckets."""
        return f"{self.kind}:{self.of}"

    @property
    def per_s(self) -> float:
        """Tokens a second."""
        return self.per_minute / 60


@dataclass(frozen=True, slots=True)
class Level:
    """How full a bucket was at a moment, in seconds of a monotonic clock."""

    left: float
    at: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Which limit was reached, and in how many seconds there is the next token."""

    kind: Kind
    retry_after_s: float


def level_at(known: Level | None, bucket: Bucket, now: float) -> float:
    """Tokens in the bucket now; one that nobody knows is full, and a clock that steps back takes nothing away."""
    if known is None:
        return bucket.per_minute
    return min(bucket.per_minute, known.left + max(0.0, now - known.at) * bucket.per_s)


def draw(buckets: Sequence[Bucket], known: Sequence[Level | None], now: float) -> tuple[Refusal | None, list[Level]]:
    """One token from every bucket, or none from any: who is refused by one limit uses up no other.

    The first bucket that is empty names the refusal; the wait is the longest of all that are.
    """
    lefts = [level_at(level, bucket, now) for bucket, level in zip(buckets, known, strict=True)]
    waits = [(bucket, (1 - left) / bucket.per_s) for bucket, left in zip(buckets, lefts, strict=True) if left < 1]
    if waits:
        return Refusal(waits[0][0].kind, max(wait for _, wait in waits)), [Level(left, now) for left in lefts]
    return None, [Level(left - 1, now) for left in lefts]
