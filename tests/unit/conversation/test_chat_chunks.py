"""The stream of a chat completion, however its bytes are cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.conversation.models.chat_chunks import LONGEST_EVENT, Chunk, NotAStream, chunks_of

STREAM = (
    ": a comment\r\n\r\n"
    'data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
    'data: {"choices":[{"delta":{"content":"Grüß dich"},"finish_reason":null}],"usage":null}\r\n\r\n'
    "event: ping\ndata:"
    '{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"t","function":{"name":"end_call","arguments":"{}"}}]}}]}\n\n'
    'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"prompt_tokens_details":null}}\n\n'
    "data: [DONE]\n\n"
).encode()


def read(*pieces: bytes) -> list[Chunk]:
    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def work() -> list[Chunk]:
        return [chunk async for chunk in chunks_of(body())]

    return asyncio.run(work())


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_chunks_come_whole_however_the_bytes_are_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    empty, text, call, usage = read(*(STREAM[a:b] for a, b in pairwise(edges)))
    assert (text_of(empty), text_of(text)) == ("", "Grüß dich")
    assert call.choices is not None
    assert call.choices[0].delta is not None
    assert call.choices[0].delta.tool_calls is not None
    assert usage.usage is not None
    assert usage.usage.prompt_tokens == 7


def text_of(chunk: Chunk) -> str | None:
    assert chunk.choices is not None
    assert chunk.choices[0].delta is not None
    return chunk.choices[0].delta.content


def test_nothing_is_read_behind_the_last_event() -> None:
    assert len(read(STREAM + b"data: {nonsense\n\n")) == 4


@pytest.mark.parametrize("body", [b"data: {\n", b'data: {"choices": 7}\n', b"data: \xff\n", b"x" * (LONGEST_EVENT + 1)])
def test_what_is_no_stream_is_refused(body: bytes) -> None:
    with pytest.raises(NotAStream):
        read(body)
