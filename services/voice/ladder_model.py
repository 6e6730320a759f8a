"""The language model of the present level: the full one, the fast one, or none."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from shared.clock import Clock
from shared.conversation.ports import ChatModel, ModelRequest, ModelUnavailable, TextDelta, ToolCall
from shared.degradation.ladder import Ladder
from shared.degradation.levels import Level


class LadderModel:
    """`ChatModel` of a process. A model that fails before its first word is followed by the next one down."""

    def __init__(self, full: ChatModel, fast: ChatModel | None, ladder: Ladder, clock: Clock) -> None:
        self.name = full.name
        self._full = full
        self._fast = fast
        self._ladder = ladder
        self._clock = clock

    async def stream(self, request: ModelRequest) -> AsyncGenerator[TextDelta | ToolCall]:
        """See `ChatModel.stream`."""
        problem = ModelUnavailable("the platform does without a model at the moment")
        for model in self._models():
            has_begun = False
            began = self._clock.monotonic()
            try:
                async with aclosing(model.stream(request)) as parts:
                    async for part in parts:
                        if not has_begun and model is self._full:
                            self._ladder.first_token(self._clock.monotonic() - began)
                        has_begun = True
                        yield part
            except ModelUnavailable as failed:
                if has_begun:
                    raise
                problem = failed
            else:
                return
        raise problem

    def _models(self) -> list[ChatModel]:
        fast = [self._fast] if self._fast is not None else []
        match self._ladder.level:
            case Level.FULL:
                return [self._full, *fast]
            case Level.FAST:
                return fast
            case _:
                return []
