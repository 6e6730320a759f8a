"""Answers that may be given again, in Redis: shared by all calls and processes, bounded, and missed by nobody.

A question's gist names a hash of at most MOST_WORDINGS wordings, each with the version of the knowledge it was answered
from; another version is no answer. Without Redis every question is simply asked of the model.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any, Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.clock import Clock
from shared.conversation.known_answers import Known, best_match
from shared.conversation.ports import Asked, KnownAnswer
from shared.degradation.ladder import Ladder
from shared.degradation.levels import Level
from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.resilience.breaker import Breaker, BreakerOpen
from shared.task_group import TaskSet

log = get_logger(__name__)

DEADLINE_S: Final = 0.05
"""A caller waits meanwhile."""
KEEP_S: Final = 2.0
"""For writing, which nobody waits for."""
TTL_S: Final = 24 * 3600
ASKED_TTL_S: Final = 14 * 24 * 3600
MOST_WORDINGS: Final = 8
"""Of one gist."""
MOST_GISTS: Final = 1000
"""Of one agent; what was kept longest ago goes first. With an ordinary answer two megabytes."""
MOST_ASKED: Final = 500
"""Questions of one agent that are counted."""
MOST_PREPARED: Final = 20
"""Questions of one agent that are answered when a process starts, before anybody asks them."""
PREPARED_FOR_S: Final = 600
"""How long no other process does the same."""
MOST_BYTES: Final = 8192
"""Of one answer."""
PREFIX: Final = "callwright:known-answers"


class _Kept(msgspec.Struct):
    """An answer as it is stored."""

    version: int
    words: str
    vector: str | None
    sentences: tuple[str, ...]
    topic: str
    sources: tuple[dict[str, Any], ...]


class AnswerStore:
    """The answers of all agents. One per process."""

    def __init__(self, redis: Redis, clock: Clock) -> None:
        """`redis` decodes what it reads."""
        self._redis = redis
        self._clock = clock
        self._breaker = Breaker("known answers", clock)
        self._tasks = TaskSet("known answers")

    async def _read(self, kin: str, asked: Asked, *, counts: bool) -> list[_Kept]:
        """The answers to questions of this gist from this version. Raises RedisError."""
        bucket, tally = f"{PREFIX}:{kin}:{asked.gist}", f"{PREFIX}:{kin}:asked"
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hvals(bucket)
        if counts:
            pipeline.zincrby(tally, 1, asked.question)
            pipeline.expire(tally, ASKED_TTL_S)
        async with asyncio.timeout(DEADLINE_S):
            values, *_ = await pipeline.execute()
        kept = (_decoded(value) for value in values)
        return [one for one in kept if one is not None and one.version == asked.version]

    async def find(self, kin: str, asked: Asked, *, near: bool, counts: bool) -> KnownAnswer | None:
        """See `ports.KnownAnswers.find`."""
        try:
            self._breaker.enter()
            kept = await self._read(kin, asked, counts=counts)
        except BreakerOpen:
            return _counted("away", None)
        except (RedisError, TimeoutError, OSError) as error:
            self._breaker.failed()
            log.warning("known_answers_away", error=type(error).__name__)
            return _counted("away", None)
        self._breaker.succeeded()
        by_wording = {Known(one.words, one.vector): one for one in kept}
        match = best_match(asked, by_wording, near=near)
        if match is None:
            return _counted("miss", None)
        one = by_wording[match]
        return _counted(
            "same" if match.words == asked.words else "like", KnownAnswer(one.sentences, one.topic, one.sources)
        )

    def keep(self, kin: str, asked: Asked, answer: KnownAnswer) -> None:
        """See `ports.KnownAnswers.keep`."""
        kept = _Kept(
            version=asked.version,
            words=asked.words,
            vector=asked.vector,
            sentences=answer.sentences,
            topic=answer.topic,
            sources=tuple(dict(source) for source in answer.sources),
        )
        value = msgspec.json.encode(kept)
        if len(value) <= MOST_BYTES and self._breaker.is_closed:
            self._tasks.start(self._write(kin, asked, value), "keep answer")

    async def _write(self, kin: str, asked: Asked, value: bytes) -> None:
        bucket, index, counts = (f"{PREFIX}:{kin}:{name}" for name in (asked.gist, "gists", "asked"))
        field = hashlib.sha256(asked.words.encode()).hexdigest()[:16]
        try:
            async with asyncio.timeout(KEEP_S):
                if await self._redis.hlen(bucket) >= MOST_WORDINGS:
                    await self._redis.delete(bucket)
                pipeline = self._redis.pipeline(transaction=False)
                pipeline.hset(bucket, field, value)
                pipeline.expire(bucket, TTL_S)
                pipeline.zadd(index, {asked.gist: self._clock.now().timestamp()})
                pipeline.expire(index, TTL_S)
                pipeline.zremrangebyrank(counts, 0, -MOST_ASKED - 1)
                pipeline.zcard(index)
                *_, count = await pipeline.execute()
                if count > MOST_GISTS:
                    oldest = [str(gist) for gist in await self._redis.zrange(index, 0, count - MOST_GISTS - 1)]
                    await self._redis.delete(*(f"{PREFIX}:{kin}:{gist}" for gist in oldest))
                    await self._redis.zrem(index, *oldest)
        except (RedisError, TimeoutError, OSError) as error:
            log.warning("known_answers_away", error=type(error).__name__)

    async def to_prepare(self, kin: str) -> list[str]:
        """The questions asked most often, for one process a while: the others get none. Empty without Redis."""
        try:
            async with asyncio.timeout(KEEP_S):
                if not await self._redis.set(f"{PREFIX}:{kin}:preparing", 1, nx=True, ex=PREPARED_FOR_S):
                    return []
                return [str(one) for one in await self._redis.zrevrange(f"{PREFIX}:{kin}:asked", 0, MOST_PREPARED - 1)]
        except (RedisError, TimeoutError, OSError) as error:
            log.warning("known_answers_away", error=type(error).__name__)
            return []

    async def written(self) -> None:
        """Wait until everything kept so far is stored or given up."""
        await self._tasks.wait()

    async def close(self) -> None:
        """Stop writing; the connection is its owner's."""
        await self._tasks.close()


class AnswersOf:
    """`KnownAnswers` of one agent."""

    def __init__(
        self, store: AnswerStore, kin: str, ladder: Ladder | None = None, *, near: bool, counts: bool = True
    ) -> None:
        """`near`: also answers to questions that mean the same in other words; `counts`: callers ask.

        Who has taken the model out of service by hand, on this ladder, does not want to hear what it said before.
        """
        self._ladder = ladder
        self._store = store
        self._kin = kin
        self._near = near
        self._counts = counts

    async def find(self, asked: Asked) -> KnownAnswer | None:
        override = self._ladder.override if self._ladder is not None else None
        if override is not None and override.level > Level.FAST:
            return None
        return await self._store.find(self._kin, asked, near=self._near, counts=self._counts)

    def keep(self, asked: Asked, answer: KnownAnswer) -> None:
        if self._ladder is None or self._ladder.level is Level.FULL:
            self._store.keep(self._kin, asked, answer)


def _decoded(value: str) -> _Kept | None:
    """None for what another release has written in another form."""
    try:
        return msgspec.json.decode(value, type=_Kept)
    except msgspec.DecodeError:
        return None


def _counted(result: str, answer: KnownAnswer | None) -> KnownAnswer | None:
    metrics.known_answers_total.labels(result=result).inc()
    return answer
