"""Chat completions of OpenAI, or of a server that speaks the same protocol, as a `ChatModel`.

Facts and traps: the house reference of the protocol, checked against SDK 3.51. Nothing is retried here: a caller is
waiting, and the assistant has something better to say than silence.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

import httpx2
import openai
from openai.types.chat import ChatCompletionChunk

from shared.conversation.models.chat_chunks import Chunk, Delta, PromptDetails, chunks_of
from shared.conversation.models.pieces import Pieces
from shared.conversation.ports import ModelRequest, ModelUnavailable, TextDelta, ToolCall
from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.rates.usage import Product, Unit, tokens_by_price
from shared.resilience.breaker import Breaker, BreakerOpen
from shared.settings import OpenAISettings

log = get_logger(__name__)

PROVIDER = "openai"
DRAIN_S = 0.1
"""How long the end of a finished response is waited for, so that its connection can carry the next one."""
MOST_CONNECTIONS = 1000
"""Answers that may be streaming at once; a call has one at most."""
CHARACTERS_PER_TOKEN = 4
"""For what a cancelled answer cost: its stream ends without a usage chunk."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds a live turn waits. A hosted model of this class needs 0.5 to 0.7 s to its first token."""

    connect: float = 1.0
    first_token: float = 1.8
    between_tokens: float = 1.5
    whole_answer: float = 15.0


def openai_client(settings: OpenAISettings, deadlines: Deadlines) -> openai.AsyncOpenAI | None:
    """A client for this process, or None when no key is set. Keep it and close it.

    The SDK's own defaults would wait ten minutes and try three times.
    """
    if settings.openai_api_key is None:
        return None
    # Reading has the deadlines of `OpenAIChat`; the client's own would move a timer for each token.
    timeout = httpx2.Timeout(deadlines.between_tokens, connect=deadlines.connect, read=None)
    limits = httpx2.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=MOST_CONNECTIONS)
    return openai.AsyncOpenAI(
        api_key=settings.openai_api_key.get_secret_value(),
        base_url=settings.openai_base_url,
        timeout=timeout,
        max_retries=0,
        http_client=openai.DefaultAioHttpClient(timeout=timeout, limits=limits),
    )


class OpenAIChat:
    """Streams answers. One per process: its breaker remembers an outage for all calls."""

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        name: str,
        breaker: Breaker,
        reasoning_effort: str | None = "none",
        deadlines: Deadlines | None = None,
    ) -> None:
        self.name = name
        self._client = client
        self._breaker = breaker
        self._effort = reasoning_effort
        self._deadlines = deadlines or Deadlines()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[TextDelta | ToolCall]:
        """See `ChatModel.stream`."""
        try:
            self._breaker.enter()
        except BreakerOpen as error:
            _count("refused")
            raise ModelUnavailable(f"{self.name} failed a moment ago") from error
        answer = _Answer()
        try:
            async with aclosing(self._parts(request, answer)) as parts:
                async for part in parts:
                    yield part
        except (openai.OpenAIError, httpx2.HTTPError, TimeoutError, ModelUnavailable, ValueError) as error:
            if answer.finish_reason is None:
                self._breaker.failed(type(error).__name__)
            _count("failed")
            _log(self.name, error)
            answer.count_tokens(self.name, request)
            raise ModelUnavailable(f"{self.name} did not finish an answer ({type(error).__name__})") from error
        except (GeneratorExit, asyncio.CancelledError):
            # The caller spoke, or hung up: the answer was not wanted any more, which says nothing about the model.
            _count("cancelled")
            answer.count_tokens(self.name, request)
            raise
        self._breaker.succeeded()
        _count("answered")
        answer.count_tokens(self.name, request)

    async def probe(self) -> None:
        """Have it write a word, whatever its breaker says. Raises what went wrong."""
        hello = {"role": "user", "content": "Say hello."}
        request = ModelRequest(messages=[hello], tools=[], most_tokens=16, cache_key="probe")
        async with aclosing(self._parts(request, _Answer())) as parts:
            await anext(parts, None)

    async def _parts(self, request: ModelRequest, answer: _Answer) -> AsyncGenerator[TextDelta | ToolCall]:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._deadlines.whole_answer
        first = loop.time() + self._deadlines.first_token
        async with asyncio.timeout_at(first):
            # `create` would first look at every message for things to rename.
            stream = await self._client.post(
                "/chat/completions",
                cast_to=ChatCompletionChunk,
                body=self._arguments(request),
                stream=True,
                stream_cls=openai.AsyncStream[ChatCompletionChunk],
            )
        async with stream:
            body = stream.response.aiter_bytes()
            chunks = chunks_of(body)
            pieces = Pieces()
            has_ended = False
            while not has_ended:
                async with asyncio.timeout_at(self._latest(answer, first, end)) as patience:
                    async for chunk in chunks:
                        if chunk.error is not None:
                            raise openai.APIError("the vendor gave up", stream.response.request, body=chunk.error)
                        if texts := pieces.take(answer.take(chunk)):
                            break
                        patience.reschedule(self._latest(answer, first, end))
                    else:
                        has_ended, texts = True, pieces.rest()
                for text in texts:
                    yield TextDelta(text)
            await _drained(body)
        if answer.finish_reason not in ("stop", "tool_calls"):
            # A connection closed early ends the iterator without an error; so do a full answer and a filter.
            raise ModelUnavailable(f"the answer ended with {answer.finish_reason or 'no reason at all'}")
        for call in answer.tool_calls():
            yield call

    def _latest(self, answer: _Answer, first: float, end: float) -> float:
        """Until when the next chunk is waited for."""
        gap = asyncio.get_running_loop().time() + self._deadlines.between_tokens if answer.has_begun else first
        return min(gap, end)

    def _arguments(self, request: ModelRequest) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "model": self.name,
            "messages": list(request.messages),
            "stream": True,
            "stream_options": {"include_usage": True, "include_obfuscation": False},
            "max_completion_tokens": request.most_tokens,
            "prompt_cache_key": request.cache_key,
            "store": False,
        }
        if self._effort is not None:
            arguments["reasoning_effort"] = self._effort
        if request.tools:
            arguments["tools"] = list(request.tools)
            arguments["parallel_tool_calls"] = False
        return arguments


class _Answer:
    """What has arrived of one answer."""

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self.has_begun = False
        self._characters = 0
        self._calls: dict[int, _CallPieces] = {}
        self._usage: dict[Unit, int] | None = None

    def take(self, chunk: Chunk) -> str:
        """The text in a chunk, or an empty string. The usage chunk has no choices at all."""
        if chunk.usage is not None:
            details = chunk.usage.prompt_tokens_details or PromptDetails()
            self._usage = tokens_by_price(
                chunk.usage.prompt_tokens,
                chunk.usage.completion_tokens,
                cached=details.cached_tokens or 0,
                written=details.cache_write_tokens or 0,
            )
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        self.finish_reason = choice.finish_reason or self.finish_reason
        if choice.delta is None:
            return ""
        self._take_calls(choice.delta)
        text = choice.delta.content or choice.delta.refusal or ""
        self.has_begun = self.has_begun or bool(text) or bool(self._calls)
        self._characters += len(text)
        return text

    def _take_calls(self, delta: Delta) -> None:
        """Id and name come once per index, the arguments in pieces."""
        for piece in delta.tool_calls or ():
            call = self._calls.setdefault(piece.index, _CallPieces())
            call.id = piece.id or call.id
            if piece.function is not None:
                call.name += piece.function.name or ""
                call.arguments += piece.function.arguments or ""
                self._characters += len(piece.function.arguments or "")

    def tool_calls(self) -> list[ToolCall]:
        """The whole calls. Raises ValueError or ModelUnavailable when one's arguments are not a JSON object."""
        calls = []
        for index in sorted(self._calls):
            pieces = self._calls[index]
            arguments = json.loads(pieces.arguments or "{}")
            if not isinstance(arguments, dict):
                raise ModelUnavailable("the arguments of a tool call are no object")
            calls.append(ToolCall(pieces.id, pieces.name, arguments))
        return calls

    def count_tokens(self, model: str, request: ModelRequest) -> None:
        """Add what this answer used to the metrics and to the request's meter.

        Estimated when it ended before the vendor's own count.
        """
        usage = self._usage
        if usage is None:
            prompt = sum(len(str(message.get("content") or "")) for message in request.messages)
            usage = {
                Unit.INPUT_TOKENS: prompt // CHARACTERS_PER_TOKEN,
                Unit.OUTPUT_TOKENS: self._characters // CHARACTERS_PER_TOKEN,
            }
        for unit, tokens in usage.items():
            metrics.model_tokens_total.labels(model, unit.removesuffix("_tokens")).inc(tokens)
            if tokens:
                request.meter.add(Product(PROVIDER, model), unit, tokens, is_estimate=self._usage is None)


@dataclass(slots=True)
class _CallPieces:
    id: str = ""
    name: str = ""
    arguments: str = ""


async def _drained(body: AsyncIterator[bytes]) -> None:
    """Read a response to its very end."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            async for _ in body:
                pass


def _count(result: str) -> None:
    metrics.provider_results_total.labels(PROVIDER, "chat", result).inc()


def _log(model: str, error: Exception) -> None:
    """What went wrong, in the vendor's codes; its texts may quote the prompt."""
    log.warning(
        "model_failed",
        provider=PROVIDER,
        model=model,
        error=type(error).__name__,
        code=str(getattr(error, "code", None) or ""),
        status=getattr(error, "status_code", None),
        provider_request_id=getattr(error, "request_id", None),
    )
