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
        self._model = model
        self._clock = clock
        self._meter = meter
        self._waited_s = 0.0
        self._waiting = 0
        """Answers that are being waited for: one begun on a guess may still be ending when the next begins."""
        self._since = 0.0
        """When the first of them began to be waited for."""

    @property
    def waited_s(self) -> float:
        """Seconds waited since the conversation began, up to now."""
        return self._waited_s + (self._clock.monotonic() - self._since if self._waiting else 0.0)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[TextDelta | ToolCall]:
        async with aclosing(self._model.stream(replace(request, meter=self._meter))) as parts:
            while True:
                if not self._waiting:
                    self._since = self._clock.monotonic()
                self._waiting += 1
                try:
                    part = await anext(parts)
                except StopAsyncIteration:
                    return
                finally:
                    self._waiting -= 1
                    if not self._waiting:
                        self._waited_s += self._clock.monotonic() - self._since
                yield part
