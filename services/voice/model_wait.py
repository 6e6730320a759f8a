"""How long a conversation has waited for its model: what the platform did not add itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from shared.clock import Clock
from shared.conversation.ports import ChatModel, ModelRequest, TextDelta, ToolCall


class TimedModel:
    """A `ChatModel` of one conversation that counts the time spent waiting for the model behind it."""

    def __init__(self, model: ChatModel, clock: Clock) -> None:
        self.name = model.name
        self.waited_s = 0.0
        """Since the conversation began."""
        self._model = model
        self._clock = clock

    async def stream(self, request: ModelRequest) -> AsyncGenerator[TextDelta | ToolCall]:
        async with aclosing(self._model.stream(request)) as parts:
            while True:
                since = self._clock.monotonic()
                try:
                    part = await anext(parts)
                except StopAsyncIteration:
                    return
                finally:
                    self.waited_s += self._clock.monotonic() - since
                yield part
