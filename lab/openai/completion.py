"""A finished answer in the two forms of the wire: one document, or chunks."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from lab.openai.chat_request import ChatRequest
from lab.openai.mind.deciding import Decision, Proposal
from lab.openai.tokens import count, pieces

PER_MESSAGE = 4
"""Tokens that a message costs besides its words."""
REASONING_TOKENS = {"minimal": 16, "low": 64, "medium": 192, "high": 512, "xhigh": 1024, "max": 2048}
"""What thinking costs at each effort; the scale is ours."""


@dataclass(frozen=True)
class Completion:
    """An answer, cut to the length the request allows."""

    id: str
    model: str
    created: int
    text: str
    proposals: tuple[Proposal, ...]
    call_ids: tuple[str, ...]
    finish_reason: str
    prompt_tokens: int
    answer_tokens: int
    reasoning_tokens: int

    def usage(self) -> dict[str, JsonValue]:
        """Tokens, as they are billed."""
        completion = self.answer_tokens + self.reasoning_tokens
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion,
            "total_tokens": self.prompt_tokens + completion,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0, "cache_write_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": self.reasoning_tokens,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }


def complete(request: ChatRequest, decision: Decision, effort: str | None, created: int) -> Completion:
    """Turn a decision into an answer within `max_completion_tokens`, which reasoning uses up too."""
    reasoning = REASONING_TOKENS.get(effort or "none", 0)
    said = pieces(decision.text)
    most = request.most_tokens
    room = len(said) if most is None else max(0, most - reasoning)
    cut = room < len(said) or (most is not None and reasoning >= most)
    proposals = () if cut else decision.proposals
    return Completion(
        id=f"chatcmpl-{secrets.token_hex(8)}",
        model=request.model,
        created=created,
        text="".join(said[:room]),
        proposals=proposals,
        call_ids=tuple(f"call_{secrets.token_hex(8)}" for _ in proposals),
        finish_reason="length" if cut else "tool_calls" if proposals else "stop",
        prompt_tokens=sum(PER_MESSAGE + count(message.text) for message in request.messages),
        answer_tokens=min(len(said), room) + sum(count(proposal.arguments) for proposal in proposals),
        reasoning_tokens=reasoning if most is None else min(reasoning, most),
    )


def whole(completion: Completion) -> dict[str, JsonValue]:
    """The answer to a request without `stream`."""
    message: dict[str, JsonValue] = {
        "role": "assistant",
        "content": completion.text or (None if completion.proposals else ""),
        "refusal": None,
        "annotations": [],
    }
    if completion.proposals:
        message["tool_calls"] = [
            {
                "id": call_id,
                "type": "function",
                "function": {"name": proposal.name, "arguments": proposal.arguments},
            }
            for call_id, proposal in zip(completion.call_ids, completion.proposals, strict=True)
        ]
    choice: JsonValue = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": completion.finish_reason,
    }
    return {
        "id": completion.id,
        "object": "chat.completion",
        "created": completion.created,
        "model": completion.model,
        "choices": [choice],
        "usage": completion.usage(),
        "service_tier": "default",
        "system_fingerprint": None,
    }


@dataclass(frozen=True)
class Chunk:
    """One event of a stream."""

    document: dict[str, JsonValue]
    is_token: bool
    """It took the model a token's time; the others come with their neighbour."""


class Chunks:
    """The events of a stream, in order, without the final `[DONE]`."""

    def __init__(self, completion: Completion, *, with_usage: bool, with_obfuscation: bool) -> None:
        self._completion = completion
        self._with_usage = with_usage
        self._with_obfuscation = with_obfuscation

    def __iter__(self) -> Iterator[Chunk]:
        completion = self._completion
        calls = list(zip(completion.call_ids, completion.proposals, strict=True))
        if calls:
            yield from self._calls(calls)
        else:
            yield Chunk(self._delta({"role": "assistant", "content": "", "refusal": None}), is_token=False)
            for piece in pieces(completion.text):
                yield Chunk(self._delta({"content": piece}), is_token=True)
        yield Chunk(self._delta({}, completion.finish_reason), is_token=False)
        if self._with_usage:
            yield Chunk(self._event([]) | {"usage": completion.usage()}, is_token=False)

    def _calls(self, calls: list[tuple[str, Proposal]]) -> Iterator[Chunk]:
        """The name comes first and alone, then the arguments in pieces."""
        for index, (call_id, proposal) in enumerate(calls):
            head: JsonValue = {
                "index": index,
                "id": call_id,
                "type": "function",
                "function": {"name": proposal.name, "arguments": ""},
            }
            first: dict[str, JsonValue] = {"role": "assistant", "content": None} if index == 0 else {}
            yield Chunk(self._delta({**first, "tool_calls": [head]}), is_token=False)
            for piece in pieces(proposal.arguments):
                call: JsonValue = {"index": index, "function": {"arguments": piece}}
                yield Chunk(self._delta({"tool_calls": [call]}), is_token=True)

    def _delta(self, delta: dict[str, JsonValue], finish_reason: str | None = None) -> dict[str, JsonValue]:
        return self._event([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}])

    def _event(self, choices: list[JsonValue]) -> dict[str, JsonValue]:
        event: dict[str, JsonValue] = {
            "id": self._completion.id,
            "object": "chat.completion.chunk",
            "created": self._completion.created,
            "model": self._completion.model,
            "service_tier": "default",
            "system_fingerprint": None,
            "choices": choices,
        }
        if self._with_usage:
            event["usage"] = None
        if self._with_obfuscation:
            event["obfuscation"] = secrets.token_urlsafe(6)
        return event
