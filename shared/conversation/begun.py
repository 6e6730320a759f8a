"""A reply that is thought before anybody asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from shared.conversation.ports import Sentence
from shared.task_group import TaskSet


class Begun:
    """Sentences as they come, waiting for somebody who says them. A reply is short, and so is what waits."""

    def __init__(self, sentences: AsyncGenerator[Sentence], tasks: TaskSet) -> None:
        self._ready: asyncio.Queue[Sentence | None] = asyncio.Queue()
        self._work = tasks.start(self._fill(sentences), "reply ahead")

    async def _fill(self, sentences: AsyncGenerator[Sentence]) -> None:
        try:
            async with aclosing(sentences):
                async for sentence in sentences:
                    self._ready.put_nowait(sentence)
        finally:
            self._ready.put_nowait(None)

    async def sentences(self) -> AsyncGenerator[Sentence]:
        """What is there and what still comes. Closing it stops the thinking."""
        try:
            while (sentence := await self._ready.get()) is not None:
                yield sentence
        finally:
            self.drop()
            await asyncio.wait({self._work})

    def drop(self) -> None:
        """Think no further. Never waits."""
        self._work.cancel()
