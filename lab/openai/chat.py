"""`POST /v1/chat/completions`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lab.openai import chat_request, recordings
from lab.openai.catalogue import ChatModel, chat_model
from lab.openai.chat_request import ChatRequest
from lab.openai.completion import REASONING_TOKENS, Chunk, Chunks, Completion, complete, whole
from lab.openai.faults import OpenAIFault
from lab.openai.mind.deciding import Decision, Proposal, decide
from lab.openai.refusals import server_error
from lab.openai.stand_in import StandIn
from lab.wire.connection import client_gone, hang_up
from lab.wire.faults import Fault

DEFAULT_EFFORT = "medium"
DONE = b"data: [DONE]\n\n"
GARBAGE = b'{"id": "chatcmpl-x", "choices": [{'
IN_STREAM = (
    OpenAIFault.HANG,
    OpenAIFault.ERROR_IN_STREAM,
    OpenAIFault.EARLY_CLOSE,
    OpenAIFault.CUT,
    OpenAIFault.GARBAGE_JSON,
)


class Chat:
    """Answers one request after the other; holds nothing of them."""

    def __init__(self, stand_in: StandIn) -> None:
        self._stand_in = stand_in

    async def answer(self, request: Request, body: object, where: str) -> Response:
        """The response to a request whose sign-in was checked. Raises Refused."""
        if recordings.is_named(body):
            recording = recordings.find(body, self._stand_in.settings.recordings)
            return self._streamed(recording.chunks, where, is_whole=recording.is_whole)
        asked = chat_request.read(body)
        model = chat_model(asked.model, self._stand_in.clock.now().date())
        chat_request.check_family(asked, model)
        completion = complete(asked, self._decide(asked, where), _effort(asked, model), self._now())
        wait_s = self._wait_s(asked, model, where)
        if asked.stream:
            options = asked.stream_options or chat_request.StreamOptions()
            chunks = Chunks(completion, with_usage=options.include_usage, with_obfuscation=options.include_obfuscation)
            return self._streamed(self._timed(chunks, wait_s), where)
        return await self._whole(request, completion, wait_s, where)

    def _now(self) -> int:
        return int(self._stand_in.clock.now().timestamp())

    def _decide(self, asked: ChatRequest, where: str) -> Decision:
        decision = decide(asked)
        if self._stand_in.faults.draw(where, OpenAIFault.EMPTY_ANSWER):
            return Decision()
        if decision.proposals and self._stand_in.faults.draw(where, OpenAIFault.INVALID_ARGUMENTS):
            broken = tuple(Proposal(one.name, one.arguments[:-1] + ",,") for one in decision.proposals)
            return replace(decision, proposals=broken)
        return decision

    def _wait_s(self, asked: ChatRequest, model: ChatModel, where: str) -> float:
        """Seconds until the first token."""
        settings = self._stand_in.settings
        thinking = REASONING_TOKENS.get(_effort(asked, model) or "none", 0) / settings.reasoning_tokens_per_s
        slow = self._stand_in.faults.draw(where, OpenAIFault.SLOW)
        return settings.first_token_s + thinking + (slow.seconds if slow is not None else 0.0)

    async def _whole(self, request: Request, completion: Completion, wait_s: float, where: str) -> Response:
        await asyncio.sleep(wait_s + completion.answer_tokens / self._stand_in.settings.tokens_per_s)
        fault = self._stand_in.faults.draw(where, OpenAIFault.HANG, OpenAIFault.CUT, OpenAIFault.GARBAGE_JSON)
        if fault is not None and fault.kind is OpenAIFault.HANG:
            await client_gone(request.receive)
        content = orjson.dumps(whole(completion))
        if fault is not None and fault.kind is OpenAIFault.CUT:
            return _CutBody(content)
        return Response(GARBAGE if fault is not None else content, media_type="application/json")

    async def _timed(self, chunks: Chunks, wait_s: float) -> AsyncIterator[Chunk]:
        """Chunks at the model's pace, measured from the beginning so that delays do not add up."""
        loop = asyncio.get_running_loop()
        due = loop.time() + wait_s
        for chunk in chunks:
            if chunk.is_token:
                await asyncio.sleep(max(0.0, due - loop.time()))
                due += 1 / self._stand_in.settings.tokens_per_s
            yield chunk

    def _streamed(self, chunks: AsyncIterator[Chunk], where: str, *, is_whole: bool = True) -> Response:
        return _EventStream(chunks, DONE if is_whole else b"", self._stand_in.faults.draw(where, *IN_STREAM))


def _effort(asked: ChatRequest, model: ChatModel) -> str | None:
    """The effort in force: leaving it out means medium on every model that reasons."""
    return (asked.reasoning_effort or DEFAULT_EFFORT) if model.reasons else None


def _event(document: object) -> bytes:
    return b"data: " + orjson.dumps(document) + b"\n\n"


class _CutBody(Response):
    """Half of a body, then a broken connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(self.body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": bytes(self.body[: len(self.body) // 2]), "more_body": True})
        await hang_up(scope, receive, flush=True)


class _EventStream(Response):
    """Server-sent events up to their end or to a fault. A client that goes away stops the generation."""

    media_type = "text/event-stream"

    def __init__(self, chunks: AsyncIterator[Chunk], end: bytes, fault: Fault[OpenAIFault] | None) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._chunks = chunks
        self._end = end
        self._fault = fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        sending = asyncio.ensure_future(self._send_all(scope, receive, send))
        leaving = asyncio.ensure_future(client_gone(receive)) if self._fault is None else None
        tasks = [task for task in (sending, leaving) if task is not None]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not sending.cancelled():
            sending.result()

    async def _send_all(self, scope: Scope, receive: Receive, send: Send) -> None:
        tokens = 0
        async for chunk in self._chunks:
            if self._fault is not None and chunk.is_token and tokens == self._fault.after:
                await self._fail(self._fault, _event(chunk.document), scope, receive, send)
                return
            tokens += chunk.is_token
            await send({"type": "http.response.body", "body": _event(chunk.document), "more_body": True})
        await send({"type": "http.response.body", "body": self._end})

    async def _fail(self, fault: Fault[OpenAIFault], event: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        """What happens instead of the next event."""
        match fault.kind:
            case OpenAIFault.HANG:
                await client_gone(receive)
            case OpenAIFault.CUT:
                half = {"type": "http.response.body", "body": event[: len(event) // 2], "more_body": True}
                await send(half)
                await hang_up(scope, receive, flush=True)
            case OpenAIFault.ERROR_IN_STREAM:
                await send({"type": "http.response.body", "body": _event(server_error().body())})
            case OpenAIFault.GARBAGE_JSON:
                await send({"type": "http.response.body", "body": b"data: " + GARBAGE + b"\n\n"})
            case _:
                await send({"type": "http.response.body", "body": b""})
