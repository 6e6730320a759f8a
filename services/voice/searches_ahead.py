"""A search that is begun before anybody asks for it: what a caller is about to ask is often known while they speak."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.clock import Clock
from shared.contracts.knowledge import SearchAnswer
from shared.conversation.ports import Knowledge
from shared.errors import CallwrightError
from shared.observability.metrics import ahead_total
from shared.task_group import TaskSet

FRESH_S: Final = 3.0
"""How old what was found may be when it is used: a changed article must not be answered from its old text after 5 s."""


@dataclass(frozen=True, slots=True)
class _Begun:
    query: str
    at: float
    work: asyncio.Task[SearchAnswer | None]


class SearchesAhead:
    """`Knowledge` of one conversation, which may be asked before it is needed. The newest guess replaces the others."""

    def __init__(self, knowledge: Knowledge, clock: Clock) -> None:
        self._knowledge = knowledge
        self._clock = clock
        self._tasks = TaskSet("searches ahead")
        self._begun: _Begun | None = None
        self._is_open = False
        """Whether it is not known yet what the newest guess was good for."""

    def begin(self, query: str) -> None:
        """Search for what will probably be asked. Never waits."""
        if self._begun is not None and self._begun.query == same(query) and self._is_fresh(self._begun):
            return
        self.drop()
        work = self._tasks.start(self._attempt(query), "search ahead")
        self._begun = _Begun(same(query), self._clock.monotonic(), work)
        self._is_open = True
        ahead_total.labels(kind="retrieval", result="started").inc()

    async def search(self, query: str) -> SearchAnswer:
        """What was found ahead when it was this query, and recently; otherwise it is searched for now."""
        begun = self._begun
        if begun is not None and begun.query == same(query) and self._is_fresh(begun):
            # Not cancelled with whoever waits: another reply may ask for the same.
            found = None if begun.work.cancelled() else await asyncio.shield(begun.work)
            if found is not None:
                return found
        return await self._knowledge.search(query)

    def decided(self, queries: Sequence[str]) -> None:
        """The turn is decided, and this is what its answer searches for."""
        if self._begun is not None and any(same(query) == self._begun.query for query in queries):
            self._count("kept")
        else:
            self.drop()

    def drop(self) -> None:
        """What was begun is not wanted."""
        begun, self._begun = self._begun, None
        if begun is not None:
            begun.work.cancel()
            self._count("wasted")

    def _count(self, result: str) -> None:
        if self._is_open:
            ahead_total.labels(kind="retrieval", result=result).inc()
        self._is_open = False

    def _is_fresh(self, begun: _Begun) -> bool:
        return self._clock.monotonic() - begun.at <= FRESH_S

    async def _attempt(self, query: str) -> SearchAnswer | None:
        """None when it failed: whoever needs the answer asks again and hears why."""
        try:
            return await self._knowledge.search(query)
        except CallwrightError:
            return None

    async def close(self) -> None:
        """The conversation is over."""
        self.drop()
        await self._tasks.close()


def same(text: str) -> str:
    """Equal for texts that differ in case, punctuation and spaces only."""
    return " ".join(word for part in text.split() if (word := part.strip(".,;:!?…\"'").casefold()))
