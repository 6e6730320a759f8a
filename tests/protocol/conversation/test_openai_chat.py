"""The model adapter over real sockets: streams, tools, every fault of the wire, what an abandoned answer leaves."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr

from lab.openai.app import make_app
from lab.openai.faults import OpenAIFault as Kind
from lab.openai.faults import OpenAIFaultSetting
from lab.openai.stand_in import OpenAISettings as LabSettings
from lab.openai.stand_in import StandIn
from lab.wire.serving import served
from shared.clock import SystemClock
from shared.contracts.knowledge import Passage
from shared.conversation.models.openai_chat import Deadlines, OpenAIChat, openai_client
from shared.conversation.ports import ModelRequest, ModelUnavailable, NextStep, Origin, TextDelta, ToolCall
from shared.conversation.prompts.builder import build
from shared.conversation.state import ConversationState
from shared.rates.usage import Product, Unit
from shared.resilience.breaker import Breaker
from shared.resilience.circuit import Rules
from shared.settings import OpenAISettings
from tests.text_channel import ROUTER, TextChannel, profile
from tests.waiting import wait_for_async

FAST = LabSettings(first_token_s=0, tokens_per_s=1e5)
PATIENCE = Deadlines(connect=0.3, first_token=0.4, between_tokens=0.4, whole_answer=1.0)
PASSAGE = Passage(
    article_id=UUID(int=1), chunk_id="1-0", title="Restart your router", heading="", text=ROUTER, url=None, score=0.9
)


class Desk:
    """The stand-in, and the adapter that speaks to it."""

    def __init__(self, stand_in: StandIn, model: OpenAIChat) -> None:
        self.stand_in = stand_in
        self.model = model

    def fail(self, kind: Kind, **more: float) -> None:
        self.stand_in.faults.add(OpenAIFaultSetting.model_validate({"kind": kind, **more}))


@contextlib.asynccontextmanager
async def desk(
    settings: LabSettings = FAST, name: str = "gpt-6-luna", effort: str | None = "none"
) -> AsyncIterator[Desk]:
    stand_in = StandIn(settings)
    async with served(make_app(stand_in)) as address:
        client = openai_client(
            OpenAISettings(openai_api_key=SecretStr("sk-lab"), openai_base_url=f"{address}/v1"), PATIENCE
        )
        assert client is not None
        async with client:
            breaker = Breaker("openai", SystemClock(), Rules(failures=3, rest_s=30))
            yield Desk(stand_in, OpenAIChat(client, name, breaker, effort, PATIENCE))


def request(said: str = "how do I restart my router?", *passages: Passage) -> ModelRequest:
    return build(profile(), ConversationState(), passages or (PASSAGE,), said)


async def parts_of(model: OpenAIChat, asked: ModelRequest) -> list[TextDelta | ToolCall]:
    async with aclosing(model.stream(asked)) as parts:
        return [part async for part in parts]


def text_of(parts: list[TextDelta | ToolCall]) -> str:
    return "".join(part.text for part in parts if isinstance(part, TextDelta))


async def test_an_answer_streams_and_is_asked_for_as_the_vendor_wants_it() -> None:
    async with desk() as lab:
        parts = await parts_of(lab.model, request())
        assert "ten seconds" in text_of(parts)
        assert len(parts) > 3
        body = lab.stand_in.asked[-1].body
        assert isinstance(body, dict)
        assert body["store"] is False
        assert body["stream_options"] == {"include_usage": True, "include_obfuscation": False}
        assert body["reasoning_effort"] == "none"
        assert body["max_completion_tokens"] == 220
        assert "max_tokens" not in body
        assert str(body["prompt_cache_key"]).startswith(str(profile().id))


async def test_a_tool_call_comes_whole() -> None:
    async with desk() as lab:
        parts = await parts_of(lab.model, request("what is the meaning of static addresses in business contracts?"))
        (call,) = [part for part in parts if isinstance(part, ToolCall)]
        assert call.name == "open_ticket"
        assert set(call.arguments) == {"reason", "promise"}


async def test_tokens_are_counted() -> None:
    def tokens(kind: str) -> float:
        return REGISTRY.get_sample_value("callwright_model_tokens_total", {"model": "gpt-6-luna", "kind": kind}) or 0

    before = tokens("input"), tokens("output")
    whole, abandoned = request(), request()
    async with desk() as lab:
        await parts_of(lab.model, whole)
        async with aclosing(lab.model.stream(abandoned)) as parts:
            await anext(parts)
    assert tokens("input") > before[0]
    assert tokens("output") > before[1]
    for asked, is_estimate in ((whole, False), (abandoned, True)):
        used = {one.unit: one for one in asked.meter.used}
        assert {Unit.INPUT_TOKENS} <= used.keys() <= {Unit.INPUT_TOKENS, Unit.CACHED_TOKENS, Unit.OUTPUT_TOKENS}
        assert {one.product for one in used.values()} == {Product("openai", "gpt-6-luna")}
        assert all(one.is_estimate is is_estimate for one in used.values())


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": Kind.REFUSE},
        {"kind": Kind.HANG},
        {"kind": Kind.HANG, "after": 3},
        {"kind": Kind.SLOW, "seconds": 5},
        {"kind": Kind.ERROR_IN_STREAM, "after": 2},
        {"kind": Kind.EARLY_CLOSE, "after": 2},
        {"kind": Kind.CUT, "after": 2},
        {"kind": Kind.GARBAGE_JSON, "after": 1},
        {"kind": Kind.WRONG_KEY},
        {"kind": Kind.RATE_LIMITED},
        {"kind": Kind.SLOW_DOWN},
        {"kind": Kind.OUT_OF_CREDIT},
        {"kind": Kind.OVERLOADED},
        {"kind": Kind.SERVER_ERROR},
        {"kind": Kind.MODEL_NOT_FOUND},
        {"kind": Kind.CONTEXT_TOO_LONG},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
async def test_every_fault_is_an_outage_in_time_and_tried_once(fault: dict[str, float]) -> None:
    async with desk() as lab:
        lab.stand_in.faults.add(OpenAIFaultSetting.model_validate(fault))
        began = time.monotonic()
        with pytest.raises(ModelUnavailable):
            await parts_of(lab.model, request())
        assert time.monotonic() - began < 2
        assert lab.stand_in.faults.active[0].fired == 1


async def test_arguments_that_are_no_json_are_an_outage() -> None:
    async with desk() as lab:
        lab.fail(Kind.INVALID_ARGUMENTS)
        with pytest.raises(ModelUnavailable):
            await parts_of(lab.model, request("what is the meaning of static addresses in business contracts?"))


async def test_nobody_listening_is_noticed_at_once() -> None:
    clock = SystemClock()
    client = openai_client(
        OpenAISettings(openai_api_key=SecretStr("sk-lab"), openai_base_url="http://127.0.0.1:9/v1"), PATIENCE
    )
    assert client is not None
    async with client:
        model = OpenAIChat(client, "gpt-6-luna", Breaker("openai", clock), "none", PATIENCE)
        began = time.monotonic()
        with pytest.raises(ModelUnavailable):
            await parts_of(model, request())
        assert time.monotonic() - began < 1


async def test_after_three_failures_the_model_is_left_alone() -> None:
    async with desk() as lab:
        lab.fail(Kind.OVERLOADED, times=3)
        for _ in range(3):
            with pytest.raises(ModelUnavailable):
                await parts_of(lab.model, request())
        asked = len(lab.stand_in.asked)
        with pytest.raises(ModelUnavailable):
            await parts_of(lab.model, request())
        assert len(lab.stand_in.asked) == asked


async def test_an_abandoned_answer_is_no_failure() -> None:
    async with desk(LabSettings(first_token_s=0, tokens_per_s=5)) as lab:
        for _ in range(4):
            async with aclosing(lab.model.stream(request())) as parts:
                assert isinstance(await anext(parts), TextDelta)

        async def answered() -> bool:
            return len(lab.stand_in.asked) == 4

        await wait_for_async(answered, 2, "four requests, none of them refused by the breaker")


FIRST_CHUNK = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m",'
    b'"choices":[{"index":0,"delta":{"content":"Hold"},"finish_reason":null}]}\n\n'
)


class EndlessServer:
    """Sends one token and then waits to see the connection go."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(FIRST_CHUNK)
        with contextlib.suppress(ConnectionError):
            while await reader.read(65536):
                pass
        self.gone.set()
        writer.close()


@contextlib.asynccontextmanager
async def endless() -> AsyncIterator[tuple[EndlessServer, OpenAIChat]]:
    server = EndlessServer()
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        address = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        deadlines = Deadlines(between_tokens=30, whole_answer=60)
        client = openai_client(OpenAISettings(openai_api_key=SecretStr("sk-lab"), openai_base_url=address), deadlines)
        assert client is not None
        async with client:
            yield server, OpenAIChat(client, "m", Breaker("openai", SystemClock()), "none", deadlines)


async def test_closing_the_stream_closes_its_connection() -> None:
    async with endless() as (server, model):
        async with aclosing(model.stream(request())) as parts:
            assert await anext(parts) == TextDelta("Hold")
            assert not server.gone.is_set()
        await asyncio.wait_for(server.gone.wait(), 1)


async def test_cancelling_the_task_closes_its_connection() -> None:
    async with endless() as (server, model):
        task = asyncio.create_task(parts_of(model, request()))
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(task), 0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.gone.wait(), 1)


async def test_without_a_key_there_is_no_client() -> None:
    assert openai_client(OpenAISettings(openai_api_key=None), PATIENCE) is None


async def test_recorded_streams_of_the_vendor_are_read(shared_data: Path) -> None:
    recordings = shared_data / "peer_fixtures" / "openai_sse"
    read = 0
    async with desk(LabSettings(recordings=recordings)) as lab:
        for file in sorted(recordings.glob("*.sse")):
            model = OpenAIChat(lab.model._client, f"recording/{file.stem}", Breaker("openai", SystemClock()))
            with contextlib.suppress(ModelUnavailable):
                await parts_of(model, request())
                read += 1
    assert read >= 5


async def test_a_whole_conversation_with_the_stand_in() -> None:
    async with desk(LabSettings(first_token_s=0.05)) as lab:
        call = TextChannel(model=lab.model)
        await call.open()
        answer = await call.say("how do I restart my router?")
        assert answer.provenance.origin is Origin.MODEL
        assert "ten seconds" in answer.text
        assert answer.provenance.stages_ms["first_token"] >= 40
        last = await call.say("and how long does it take?", "no, that's all", "jane at gmail dot com", "yes")
        assert last.step is NextStep.HANG_UP
        assert call.state.email.confirmed == "jane@gmail.com"
        sent = str([asked.body for asked in lab.stand_in.asked])
        assert "jane" not in sent


@pytest.mark.parametrize("kind", [Kind.HANG, Kind.OVERLOADED, Kind.CUT, Kind.EMPTY_ANSWER])
async def test_a_conversation_goes_on_when_the_model_dies(kind: Kind) -> None:
    async with desk() as lab:
        lab.fail(kind)
        call = TextChannel(model=lab.model)
        await call.open()
        began = time.monotonic()
        answer = await call.say("how do I restart my router?")
        assert time.monotonic() - began < 2.5
        assert answer.provenance.origin is Origin.RULES
        assert "ten seconds" in answer.text


async def test_a_model_that_dies_in_the_middle_is_finished_gracefully() -> None:
    async with desk() as lab:
        lab.fail(Kind.CUT, after=16)
        call = TextChannel(model=lab.model)
        await call.open()
        answer = await call.say("how do I restart my router?")
        assert answer.provenance.origin is Origin.MODEL
        assert "can't finish" in answer.text
        assert call.state.promise is not None
