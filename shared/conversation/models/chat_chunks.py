"""The stream of a chat completion: server-sent events of JSON chunks, typed; only the fields we use are decoded.

The SDK builds a validated object with some forty fields for each token, which cost more than everything else in a turn.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

DONE = b"[DONE]"
"""The data of the last event."""
LONGEST_EVENT = 1024 * 1024
"""Bytes of one event without an end."""


class FunctionPiece(msgspec.Struct, gc=False):
    """A piece of the function a tool call names."""

    name: str | None = None
    arguments: str | None = None


class ToolCallPiece(msgspec.Struct):
    """A piece of a tool call."""

    index: int
    id: str | None = None
    function: FunctionPiece | None = None


class Delta(msgspec.Struct):
    """What a chunk adds to the answer."""

    content: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCallPiece] | None = None


class Choice(msgspec.Struct):
    """Our one answer."""

    delta: Delta | None = None
    finish_reason: str | None = None


class PromptDetails(msgspec.Struct, gc=False):
    """What the prompt's tokens were."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class Usage(msgspec.Struct):
    """What the answer cost."""

    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: PromptDetails | None = None


class Chunk(msgspec.Struct):
    """One event."""

    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: dict[str, Any] | str | None = None
    """Set when the vendor gave up in the middle of an answer."""


_decode = msgspec.json.Decoder(Chunk).decode


class NotAStream(ValueError):
    """What came is no stream of chunks."""


async def chunks_of(body: AsyncIterator[bytes]) -> AsyncIterator[Chunk]:
    """The chunks in a response's body, up to its last event; ends early when the body does.

    Raises NotAStream, and what reading the body raises.
    """
    rest = b""
    async for data in body:
        lines = (rest + data).split(b"\n")
        rest = lines.pop()
        if len(rest) > LONGEST_EVENT:
            raise NotAStream("an event without an end")
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            event = line[5:].strip()
            if event == DONE:
                return
            try:
                yield _decode(event)
            except (msgspec.DecodeError, UnicodeError) as error:
                raise NotAStream("a chunk that cannot be read") from error
