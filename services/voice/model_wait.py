"""How long a conversation has waited for its model, which the platform did not add itself, and what it asked of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from shared.clock import Clock
from shared.conversation.ports import ChatModel, ModelRequest, TextDelta, ToolCall
from shared.rates.usage import Meter


class TimedModel:
    """A `ChatModel` of one conversation that counts the time spent waiting for the model behind it, and its tokens."""

    def __init__(self, model: ChatModel, clock: Clock, meter: Meter) -> None:
        self.name = model.name
        self.waited_s = 0.0
        """Since the conversation began."""
        self._model = model
        self._clock = clock
        self._meter = meter

    async def stream(self, request: ModelRequest) -> AsyncGenerator[TextDelta | ToolCall]:
        async with aclosing(self._model.stream(replace(request, meter=self._meter))) as parts:
            while True:
                since = self._clock.monotonic()
                try:
                    part = await anext(parts)
                except StopAsyncIteration:
                    return
                finally:
                    self.waited_s += self._clock.monotonic() - since
                yield part
