"""OpenAI's wire as the vendor's own SDK reads it: streams, tools, errors, embeddings, recordings."""

from __future__ import annotations

import base64
import contextlib
import json
import struct
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import httpx2
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionChunk

from lab.openai.app import make_app
from lab.openai.faults import OpenAIFault as Kind
from lab.openai.faults import OpenAIFaultSetting
from lab.openai.stand_in import OpenAISettings, StandIn
from lab.wire.serving import served
from tests.protocol.lab_desk import Watch

FAST = OpenAISettings(first_token_s=0, tokens_per_s=1e5, reasoning_tokens_per_s=1e5, embedding_s=0)
PASSAGES = json.dumps(
    [{"id": "1", "trust": "data", "title": "Restart your router", "text": "Unplug it and wait 30 seconds. Plug it in."}]
)
ASK: list[Any] = [
    {"role": "system", "content": "You are a phone agent."},
    {"role": "user", "content": f"PASSAGES: {PASSAGES}\n\nHow do I restart my router?"},
]
LUNA: dict[str, Any] = {"model": "gpt-6-luna", "messages": ASK, "reasoning_effort": "none"}
GET_ORDER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_order",
        "description": "Look up an order",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"order_id": {"type": "string"}},
            "required": ["order_id"],
            "additionalProperties": False,
        },
    },
}


class Lab:
    """The stand-in and the SDK's way to it."""

    def __init__(self, stand_in: StandIn, client: AsyncOpenAI, address: str) -> None:
        self.stand_in = stand_in
        self.client = client
        self.address = address

    def fail(self, kind: Kind, **more: Any) -> OpenAIFaultSetting:
        fault = OpenAIFaultSetting(kind=kind, **{"times": 1, **more})
        self.stand_in.faults.add(fault)
        return fault

    async def chunks(self, **request: Any) -> list[ChatCompletionChunk]:
        stream = await self.client.chat.completions.create(stream=True, **{**LUNA, **request})
        async with stream:
            return [chunk async for chunk in stream]

    async def said(self, **request: Any) -> str | None:
        completion = await self.client.chat.completions.create(**{**LUNA, **request})
        text: str | None = completion.choices[0].message.content
        return text


@contextlib.asynccontextmanager
async def lab(settings: OpenAISettings = FAST, watch: Watch | None = None) -> AsyncIterator[Lab]:
    stand_in = StandIn(settings, watch)
    async with served(make_app(stand_in)) as address:
        timeout = httpx2.Timeout(5.0, read=0.5)
        async with AsyncOpenAI(base_url=f"{address}/v1", api_key="sk-lab", max_retries=0, timeout=timeout) as client:
            yield Lab(stand_in, client, address)


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


async def test_a_streamed_answer_has_the_documented_shape() -> None:
    async with lab() as here:
        chunks = await here.chunks(stream_options={"include_usage": True, "include_obfuscation": False})
        first, *middle, last, usage = chunks
        assert (first.choices[0].delta.role, first.choices[0].delta.content) == ("assistant", "")
        assert all(chunk.choices[0].delta.content for chunk in middle)
        assert text_of(chunks) == "Unplug it and wait 30 seconds. Plug it in."
        assert last.choices[0].finish_reason == "stop"
        assert usage.choices == []
        assert usage.usage is not None
        assert usage.usage.completion_tokens == len(middle)
        assert usage.usage.total_tokens == usage.usage.prompt_tokens + len(middle)
        assert {chunk.usage for chunk in chunks[:-1]} == {None}
        assert len({chunk.id for chunk in chunks}) == 1
        assert first.obfuscation is None
        obfuscated = await here.chunks()
        assert all(chunk.obfuscation for chunk in obfuscated)
        assert obfuscated[-1].choices, "no usage was asked for"


async def test_the_bytes_of_a_stream() -> None:
    async with lab() as here, httpx.AsyncClient() as http:
        answer = await http.post(
            f"{here.address}/v1/chat/completions",
            headers={"Authorization": "Bearer sk-lab"},
            json={**LUNA, "stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}},
        )
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["x-request-id"].startswith("req_")
        assert "x-ratelimit-remaining-requests" in answer.headers
        events = answer.text.split("\n\n")
        assert events[-2:] == ["data: [DONE]", ""]
        first = json.loads(events[0].removeprefix("data: "))
        assert first | {"id": "", "created": 0} == {
            "id": "",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": "gpt-6-luna",
            "service_tier": "default",
            "system_fingerprint": None,
            "choices": [
                {
                    "index": 0,
                    "delta": {"role": "assistant", "content": "", "refusal": None},
                    "logprobs": None,
                    "finish_reason": None,
                }
            ],
            "usage": None,
        }


async def test_an_answer_in_one_piece() -> None:
    async with lab() as here:
        completion = await here.client.chat.completions.create(**LUNA, max_completion_tokens=200, temperature=0.2)
        assert completion.choices[0].message.content == "Unplug it and wait 30 seconds. Plug it in."
        assert completion.choices[0].finish_reason == "stop"
        assert completion.usage is not None
        assert completion.usage.completion_tokens > 5
        cut = await here.client.chat.completions.create(**LUNA, max_completion_tokens=3)
        assert cut.choices[0].finish_reason == "length"
        assert cut.choices[0].message.content == "Unplug it"
        thinking = {**LUNA, "reasoning_effort": "low"}
        eaten = await here.client.chat.completions.create(**thinking, max_completion_tokens=30)
        assert (eaten.choices[0].finish_reason, eaten.choices[0].message.content) == ("length", "")


async def test_tool_calls_come_with_their_name_first_and_arguments_in_pieces() -> None:
    async with lab() as here:
        tools = {"tools": [GET_ORDER], "tool_choice": "required"}
        chunks = await here.chunks(messages=[{"role": "user", "content": "Where is order 7431?"}], **tools)
        calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
        assert calls[0].id is not None
        assert calls[0].function is not None
        assert (calls[0].function.name, calls[0].function.arguments) == ("get_order", "")
        assert all(call.id is None for call in calls[1:])
        assert len(calls) > 3
        whole = "".join(call.function.arguments or "" for call in calls if call.function)
        assert json.loads(whole) == {"order_id": "7431"}
        assert chunks[-1].choices[0].finish_reason == "tool_calls"

        broken = here.fail(Kind.INVALID_ARGUMENTS)
        asked = {"messages": [{"role": "user", "content": "Where is order 7431?"}], **tools}
        completion = await here.client.chat.completions.create(**{**LUNA, **asked})
        (call,) = completion.choices[0].message.tool_calls or []
        assert call.type == "function"
        with pytest.raises(json.JSONDecodeError):
            json.loads(call.function.arguments)
        assert broken.fired == 1


async def test_results_of_parallel_calls_are_accepted_and_gaps_are_not() -> None:
    calls = [
        {"id": name, "type": "function", "function": {"name": tool, "arguments": "{}"}}
        for name, tool in (("call_a", "get_order"), ("call_b", "get_customer"))
    ]
    results = [{"role": "tool", "tool_call_id": name, "content": "{}"} for name in ("call_a", "call_b")]
    follow_up = [*ASK, {"role": "assistant", "content": None, "tool_calls": calls}, *results]
    async with lab() as here:
        assert await here.said(messages=follow_up)
        for broken in (follow_up[:-1], follow_up[:-2], [*ASK, results[0]]):
            with pytest.raises(openai.BadRequestError, match="tool"):
                await here.said(messages=broken)


UNACCEPTABLE: tuple[tuple[dict[str, Any], str | None, str | None], ...] = (
    ({"tools": [GET_ORDER], "reasoning_effort": openai.NOT_GIVEN}, "reasoning_effort", None),
    ({"tools": [GET_ORDER], "reasoning_effort": "low"}, "reasoning_effort", None),
    ({"model": "gpt-6.1-sol"}, "reasoning_effort", "unsupported_value"),
    ({"model": "gpt-6.2-sol", "reasoning_effort": "minimal"}, "reasoning_effort", "unsupported_value"),
    ({"model": "gpt-4o-mini"}, None, None),
    ({"max_tokens": 100}, "max_tokens", "unsupported_parameter"),
    ({"temperature": 0.2, "reasoning_effort": "low"}, "temperature", "unsupported_value"),
    ({"stream_options": {"include_usage": True}}, "stream_options", None),
    ({"messages": []}, "messages", "invalid_value"),
    ({"extra_body": {"max_length": 5}}, "max_length", "unknown_parameter"),
    ({"tool_choice": "required"}, "tool_choice", None),
    ({"n": 2}, "n", "unsupported_value"),
)


async def test_requests_a_model_s_family_refuses() -> None:
    async with lab() as here:
        for change, param, code in UNACCEPTABLE:
            with pytest.raises(openai.BadRequestError) as refused:
                await here.said(**change)
            assert (refused.value.param, refused.value.code) == (param, code), change
            assert refused.value.type == "invalid_request_error"
            assert refused.value.request_id is not None
        for fine in ({"model": "gpt-4o-mini", "reasoning_effort": openai.NOT_GIVEN, "max_tokens": 50}, {}):
            assert await here.said(**fine)


async def test_schemas_must_be_strict_where_they_say_so() -> None:
    async with lab() as here:
        loose = {"type": "object", "properties": {"a": {"type": "string"}}, "required": []}
        for schema in (loose, loose | {"additionalProperties": False}):
            wanted = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}
            with pytest.raises(openai.BadRequestError, match="Invalid schema for response_format 'x'"):
                await here.said(response_format=wanted)
            tool = {"type": "function", "function": {"name": "f", "strict": True, "parameters": schema}}
            with pytest.raises(openai.BadRequestError, match="Invalid schema for function 'f'"):
                await here.said(tools=[tool])


async def test_models_are_listed_until_they_are_shut_down() -> None:
    watch = Watch()
    async with lab(watch=watch) as here:
        listed = {model.id: model async for model in here.client.models.list()}
        assert listed["gpt-6-luna"].shutdown_date is None
        assert listed["gpt-4o-mini"].shutdown_date == "2027-01-14"
        assert "gpt-4.1-nano" not in listed
        assert (await here.client.models.retrieve("gpt-5")).shutdown_date == "2026-12-11"
        old = {"model": "gpt-4o-mini", "reasoning_effort": openai.NOT_GIVEN}
        assert await here.said(**old)
        watch.began = datetime(2027, 1, 14, tzinfo=UTC)
        with pytest.raises(openai.NotFoundError) as gone:
            await here.said(**old)
        assert gone.value.code == "model_not_found"
        with pytest.raises(openai.NotFoundError):
            await here.client.models.retrieve("gpt-5")


async def test_keys_and_addresses() -> None:
    async with lab(OpenAISettings(first_token_s=0, tokens_per_s=1e5, api_key="sk-lab-right")) as here:
        with pytest.raises(openai.AuthenticationError) as refused:
            await here.said()
        assert refused.value.code == "invalid_api_key"
        assert "sk-lab" not in refused.value.message
        right = here.client.with_options(api_key="sk-lab-right")
        assert (await right.chat.completions.create(**LUNA)).choices
        with pytest.raises(openai.NotFoundError, match="Invalid URL"):
            await right.responses.create(model="gpt-6-luna", input="x")
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{here.address}/v1/models")).status_code == 401


REFUSALS: tuple[tuple[Kind, type[openai.APIStatusError], str | None], ...] = (
    (Kind.WRONG_KEY, openai.AuthenticationError, "invalid_api_key"),
    (Kind.RATE_LIMITED, openai.RateLimitError, "rate_limit_exceeded"),
    (Kind.SLOW_DOWN, openai.RateLimitError, "slow_down"),
    (Kind.OUT_OF_CREDIT, openai.RateLimitError, "credit_balance_exhausted"),
    (Kind.OVERLOADED, openai.InternalServerError, None),
    (Kind.SERVER_ERROR, openai.InternalServerError, None),
    (Kind.MODEL_NOT_FOUND, openai.NotFoundError, "model_not_found"),
    (Kind.CONTEXT_TOO_LONG, openai.BadRequestError, "context_length_exceeded"),
)


async def test_refusals_on_demand() -> None:
    async with lab() as here:
        for kind, error, code in REFUSALS:
            here.fail(kind, where="POST /v1/chat/completions gpt-6-luna")
            with pytest.raises(error) as refused:
                await here.said()
            assert refused.value.code == code
            assert ("retry-after" in refused.value.response.headers) is (kind is Kind.RATE_LIMITED)
            assert await here.said(), "it happens once"


async def test_connections_that_fail() -> None:
    async with lab() as here:
        here.fail(Kind.REFUSE)
        with pytest.raises(openai.APIConnectionError):
            await here.said()
        here.fail(Kind.HANG)
        with pytest.raises(openai.APITimeoutError):
            await here.said()
        here.fail(Kind.SLOW, seconds=5)
        with pytest.raises(openai.APITimeoutError):
            await here.chunks()
        here.fail(Kind.CUT)
        with pytest.raises(openai.APIConnectionError):
            await here.said()
        here.fail(Kind.GARBAGE_JSON)
        with pytest.raises((openai.APIError, json.JSONDecodeError)):
            await here.said()
        here.fail(Kind.EMPTY_ANSWER)
        assert await here.said() == ""


async def test_streams_that_fail_in_the_middle() -> None:
    async with lab() as here:

        async def until_it_fails() -> tuple[str, str | None]:
            """What came, and the finish reason if there was one."""
            said, finish = "", None
            async with await here.client.chat.completions.create(stream=True, **LUNA) as stream:
                async for chunk in stream:
                    said += chunk.choices[0].delta.content or ""
                    finish = chunk.choices[0].finish_reason
            return said, finish

        here.fail(Kind.EARLY_CLOSE, after=2)
        assert await until_it_fails() == ("Unplug", None), "it looks like success"
        here.fail(Kind.ERROR_IN_STREAM, after=2)
        with pytest.raises(openai.APIError, match="The server had an error") as failed:
            await until_it_fails()
        assert not isinstance(failed.value, openai.APIStatusError | openai.APIConnectionError)
        here.fail(Kind.CUT, after=2)
        with pytest.raises(openai.APIConnectionError):
            await until_it_fails()
        here.fail(Kind.HANG, after=2)
        with pytest.raises(openai.APITimeoutError):
            await until_it_fails()
        here.fail(Kind.GARBAGE_JSON, after=2)
        with pytest.raises(json.JSONDecodeError):
            await until_it_fails()
        assert await until_it_fails() == ("Unplug it and wait 30 seconds. Plug it in.", "stop")


async def test_the_pace_of_a_stream() -> None:
    async with lab(OpenAISettings(first_token_s=0.15, tokens_per_s=50)) as here:
        began = time.monotonic()
        async with await here.client.chat.completions.create(stream=True, **LUNA) as stream:
            arrived = [time.monotonic() - began async for chunk in stream if chunk.choices[0].delta.content]
        assert arrived[0] >= 0.15
        assert arrived[-1] - arrived[0] >= (len(arrived) - 1) / 50 * 0.9
        thinking = {**LUNA, "reasoning_effort": "low"}
        began = time.monotonic()
        await here.client.with_options(timeout=5).chat.completions.create(**thinking)
        assert time.monotonic() - began >= 0.15 + 64 / 100, "leaving effort at its default costs seconds"


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_embeddings_are_near_when_words_are() -> None:
    async with lab() as here:
        texts = ["How do I restart my router?", "Restarting the router", "Change the billing date", "restrat my ruoter"]
        answer = await here.client.embeddings.create(model="text-embedding-3-small", input=texts)
        assert [row.index for row in answer.data] == [0, 1, 2, 3]
        asked, near, far, misspelt = (row.embedding for row in answer.data)
        assert len(asked) == 1536
        assert cosine(asked, asked) == pytest.approx(1.0, abs=1e-5)
        assert cosine(asked, near) > 0.6
        assert cosine(asked, far) < 0.2
        again = await here.client.embeddings.create(model="text-embedding-3-small", input=texts[0])
        assert again.data[0].embedding == asked
        assert cosine(asked, misspelt) > cosine(far, misspelt)
        short = await here.client.embeddings.create(
            model="text-embedding-3-large", input=texts, dimensions=256, encoding_format="float"
        )
        assert {len(row.embedding) for row in short.data} == {256}
        assert short.usage.total_tokens > 10


async def test_embeddings_travel_as_base64_little_endian_float32() -> None:
    async with lab() as here, httpx.AsyncClient(headers={"Authorization": "Bearer sk-lab"}) as http:
        asked = {"model": "text-embedding-3-small", "input": "router", "dimensions": 8}
        rows = []
        for form in ("base64", "float"):
            answer = await http.post(f"{here.address}/v1/embeddings", json={**asked, "encoding_format": form})
            rows.append(answer.json()["data"][0]["embedding"])
        assert list(struct.unpack("<8f", base64.b64decode(rows[0]))) == pytest.approx(rows[1])


async def test_embeddings_that_are_refused() -> None:
    async with lab() as here:
        for wrong, param in (
            ({"input": ""}, "input"),
            ({"input": ["x"] * 2049}, "input"),
            ({"input": "word " * 9000}, "input"),
            ({"input": ["word " * 8000] * 40}, "input"),
            ({"dimensions": 5000}, "dimensions"),
            ({"model": "text-embedding-ada-002", "dimensions": 5}, "dimensions"),
        ):
            with pytest.raises(openai.BadRequestError) as refused:
                await here.client.embeddings.create(
                    **{"model": "text-embedding-3-small", "input": "x", **wrong}  # type: ignore[arg-type]
                )
            assert refused.value.param == param
        with pytest.raises(openai.NotFoundError):
            await here.client.embeddings.create(model="gpt-6-luna", input="x")
        here.fail(Kind.HANG, where="* /v1/embeddings *")
        with pytest.raises(openai.APITimeoutError):
            await here.client.embeddings.create(model="text-embedding-3-small", input="x")


async def test_a_cancelled_client_stops_the_generation() -> None:
    async with lab(OpenAISettings(first_token_s=0, tokens_per_s=20)) as here:
        long = json.dumps([{"title": "Restart router", "text": "Restart the router " + "and wait " * 60}])
        messages = [{"role": "user", "content": f"{long}\n\nrestart router"}]
        stream = await here.client.chat.completions.create(stream=True, **{**LUNA, "messages": messages})
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                break
        began = time.monotonic()
        await stream.close()
    assert time.monotonic() - began < 2, "the server did not wait for the rest of the answer"


async def test_faults_and_requests_over_http() -> None:
    async with lab() as here, httpx.AsyncClient(base_url=here.address) as http:
        wanted = {"faults": [{"kind": "overloaded", "where": "* gpt-6-luna", "times": 1}]}
        assert (await http.post("/lab/faults", json=wanted)).status_code == 200
        with pytest.raises(openai.InternalServerError):
            await here.said()
        await here.said()
        asked = (await http.get("/lab/requests")).json()["requests"]
        assert [one["status"] for one in asked] == [503, 200]
        assert asked[0]["body"]["messages"] == ASK
        assert (await http.post("/lab/faults", json={"faults": [{"kind": "x"}]})).status_code == 422


async def test_recorded_streams_replay_through_the_sdk(shared_data: Path) -> None:
    folder = shared_data / "peer_fixtures" / "openai_sse"
    recordings = sorted(folder.glob("*.sse"))
    assert len(recordings) >= 9
    async with lab(OpenAISettings(recordings=folder)) as here:
        for path in recordings:
            lines = path.read_text().splitlines()
            recorded = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
            stream = await here.client.chat.completions.create(
                model=f"recording/{path.stem}", messages=ASK, stream=True
            )
            replayed = [chunk.model_dump(mode="json", exclude_unset=True) async for chunk in stream]
            assert replayed == recorded, path.name
        with pytest.raises(openai.NotFoundError):
            await here.said(model="recording/none")
        with pytest.raises(openai.BadRequestError, match="Recordings are streams"):
            await here.said(model=f"recording/{recordings[0].stem}")


def event(delta: dict[str, Any], finish: str | None = None) -> str:
    """One line of the golden samples."""
    chunk = {"id": "chatcmpl-B2", "object": "chat.completion.chunk", "created": 1795161601, "model": "gpt-6-luna"}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n"


def call(index: int, arguments: str, **head: str) -> dict[str, Any]:
    function = {**({"name": head.pop("name")} if "name" in head else {}), "arguments": arguments}
    return {"tool_calls": [{"index": index, **head, "function": function}]}


async def test_golden_streams_replay_with_their_ends(tmp_path: Path) -> None:
    """Samples 13.2 and 13.3: two parallel calls, an error event, a stream that stops without `[DONE]`."""
    calls = [
        {"role": "assistant", "content": None, **call(0, "", id="call_a", type="function", name="get_order")},
        call(0, '{"order_id":'),
        call(0, '"7431"}'),
        call(1, "{}", id="call_b", type="function", name="get_customer"),
    ]
    begun = event({"role": "assistant", "content": "Sor"})
    error = {"error": {"message": "The server had an error", "type": "server_error", "param": None, "code": None}}
    for name, recorded in (
        ("calls", "".join(map(event, calls)) + event({}, "tool_calls") + "data: [DONE]\n\n"),
        ("error", f"{begun}data: {json.dumps(error)}\n\n"),
        ("early", begun),
    ):
        (tmp_path / f"{name}.sse").write_text(recorded)
    async with lab(OpenAISettings(recordings=tmp_path)) as here, httpx.AsyncClient() as http:
        found = {0: "", 1: ""}
        for chunk in await here.chunks(model="recording/calls"):
            for piece in chunk.choices[0].delta.tool_calls or []:
                assert piece.function is not None
                found[piece.index] += (piece.function.name or "") + (piece.function.arguments or "")
        assert found == {0: 'get_order{"order_id":"7431"}', 1: "get_customer{}"}
        with pytest.raises(openai.APIError, match="The server had an error"):
            await here.chunks(model="recording/error")
        (only,) = await here.chunks(model="recording/early")
        assert only.choices[0].finish_reason is None
        raw = await http.post(
            f"{here.address}/v1/chat/completions",
            headers={"Authorization": "Bearer sk-lab"},
            json={"model": "recording/early", "stream": True, "messages": ASK},
        )
        assert raw.text.count("data: ") == 1
        assert "[DONE]" not in raw.text
