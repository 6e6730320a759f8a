"""Replays recorded streams, event by event as they were recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from lab.openai.completion import Chunk
from lab.openai.refusals import invalid, no_such_model

PREFIX = "recording/"
DATA, DONE = b"data: ", b"[DONE]"


def is_named(body: object) -> bool:
    """Whether a request asks for a recording instead of a model."""
    return isinstance(body, Mapping) and str(body.get("model", "")).startswith(PREFIX)


@dataclass(frozen=True)
class Recording:
    """A stream as it was recorded."""

    chunks: AsyncIterator[Chunk]
    is_whole: bool
    """Whether it ended with `[DONE]`; one that did not is replayed without."""


def find(body: object, folder: Path | None) -> Recording:
    """The recording a request names. Raises Refused when there is none, or when it is not streamed."""
    assert isinstance(body, Mapping)  # noqa: S101  (`is_named` said so)
    model = str(body["model"])
    known = {path.stem: path for path in folder.glob("*.sse")} if folder is not None else {}
    path = known.get(model.removeprefix(PREFIX))
    if path is None:
        raise no_such_model(model)
    if body.get("stream") is not True:
        raise invalid("Recordings are streams: set 'stream' to true.", "stream")
    lines = path.read_bytes().splitlines()
    events = [line.removeprefix(DATA) for line in lines if line.startswith(DATA)]
    return Recording(_play([event for event in events if event != DONE]), is_whole=DONE in events)


async def _play(events: Sequence[bytes]) -> AsyncIterator[Chunk]:
    for event in events:
        yield Chunk(orjson.loads(event), is_token=True)
