"""Answers begun before a turn is decided: kept, thrown away, and without any effect until then. On virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest

from services.voice.hearing.end_of_turn import TurnSoFar
from services.voice.hearing.ports import Final, Interim, LikelyEnd, WentOn
from services.voice.searches_ahead import SearchesAhead
from services.voice.session.ahead import FRESH_S, Ahead
from shared.contracts.knowledge import SearchAnswer
from shared.conversation.assistant import Assistant
from shared.conversation.ports import NextStep, Origin, ToolCall
from shared.conversation.reply import SpokenReply
from shared.conversation.state import ConversationState, EmailSlot, Phase, Question
from shared.errors import Transient
from shared.observability.metrics import ahead_total
from tests.text_channel import Part, Pause, ScriptedModel, Shelf, profile
from tests.virtual_time import LoopClock, on_virtual_time

QUESTION = "How do I restart my router?"
ANSWER: Sequence[Part] = ("Hold the power ", "button for ten seconds. ", Pause(0.5), "Then wait two minutes.")
ASKED = ConversationState(phase=Phase.ISSUE, notice_heard=True)


class House(NamedTuple):
    ahead: Ahead
    assistant: Assistant
    model: ScriptedModel
    shelf: Shelf


@asynccontextmanager
async def house(
    *answers: Sequence[Part], state: ConversationState = ASKED, asks_model: bool = True
) -> AsyncIterator[House]:
    clock, shelf, model = LoopClock(), Shelf(), ScriptedModel(*(answers or [ANSWER]))
    searches = SearchesAhead(shelf, clock)
    assistant = Assistant(profile(), searches, model, clock, state)
    ahead = Ahead(assistant, searches, clock, answers=asks_model)
    try:
        yield House(ahead, assistant, model, shelf)
    finally:
        await ahead.close()


def likely(text: str) -> tuple[TurnSoFar, LikelyEnd]:
    return TurnSoFar(finals=(text,)), LikelyEnd(text, 0.0)


async def spoken(reply: SpokenReply) -> list[str]:
    return [sentence.text async for sentence in aiter(reply)]


def counted(kind: str, result: str) -> float:
    return float(ahead_total.labels(kind=kind, result=result)._value.get())


def test_what_was_begun_goes_on_from_where_it_is() -> None:
    async def work() -> None:
        async with house() as (ahead, assistant, model, shelf):
            kept = counted("generation", "kept")
            ahead.report(*likely("how do i restart my router"))
            await asyncio.sleep(0.3)
            assert len(model.requests) == 1
            reply = ahead.reply_to(QUESTION)
            since = LoopClock().monotonic()
            sentences = aiter(reply)
            assert (await anext(sentences)).text == "Hold the power button for ten seconds."
            assert LoopClock().monotonic() == since
            rest = [sentence.text async for sentence in sentences]
            assert rest[0] == "Then wait two minutes."
            assert len(model.requests) == len(shelf.queries) == model.closed == 1
            assert reply.provenance.origin is Origin.MODEL
            assert reply.provenance.stages_ms["ahead"] == 300
            assert counted("generation", "kept") == kept + 1
            heard = " ".join(["Hold the power button for ten seconds.", *rest])
            assert assistant.commit(reply, heard, complete=True) is NextStep.LISTEN
            assert assistant.state.questions == (Question(QUESTION, found=True, answered=True),)
            assert assistant.state.history[0].text == QUESTION

    on_virtual_time(work())


@pytest.mark.parametrize("wait_s", [0.0, 0.3, 1.0])
def test_other_words_get_another_answer_and_nothing_of_the_first_is_left(wait_s: float) -> None:
    async def work() -> None:
        async with house() as (ahead, assistant, model, shelf):
            wasted = counted("generation", "wasted")
            before = assistant.state
            ahead.report(*likely("how do i restart my router"))
            await asyncio.sleep(wait_s)
            reply = ahead.reply_to("how do i change my billing date")
            await asyncio.sleep(0)
            assert model.closed == len(model.requests)
            assert assistant.state is before
            assert counted("generation", "wasted") == wasted + 1
            assert "ahead" not in reply.provenance.stages_ms
            await spoken(reply)
            assert shelf.queries[-1] == "how do i change my billing date"

    on_virtual_time(work())


def test_a_caller_who_goes_on_ends_what_was_begun_at_once() -> None:
    async def work() -> None:
        async with house() as (ahead, _, model, _shelf):
            ahead.report(*likely(QUESTION))
            await asyncio.sleep(0.1)
            ahead.report(TurnSoFar(finals=(QUESTION,)), WentOn())
            await asyncio.sleep(0)
            assert model.closed == 1
            ahead.report(*likely(f"{QUESTION} It blinks."))
            await asyncio.sleep(0.1)
            ahead.report(TurnSoFar(interim=f"{QUESTION} It blinks. And"), Interim("And", 0.0))
            await asyncio.sleep(0)
            assert model.closed == 2
            ahead.report(*likely(f"{QUESTION} It blinks. And beeps."))
            await asyncio.sleep(0.1)
            assert len(model.requests) == 2  # never more in one turn

    on_virtual_time(work())


def test_what_has_grown_old_is_thought_again() -> None:
    async def work() -> None:
        async with house() as (ahead, _, model, shelf):
            ahead.report(*likely(QUESTION))
            await asyncio.sleep(FRESH_S + 0.1)
            reply = ahead.reply_to(QUESTION)
            await spoken(reply)
            assert len(model.requests) == len(shelf.queries) == 2

    on_virtual_time(work())


def test_a_reply_to_another_state_of_the_conversation_is_not_kept() -> None:
    async def work() -> None:
        async with house() as (ahead, assistant, _model, _shelf):
            ahead.report(*likely(QUESTION))
            await asyncio.sleep(0.3)
            assistant.commit(assistant.caller_is_silent(), "Are you still there?", complete=True)
            assert "ahead" not in ahead.reply_to(QUESTION).provenance.stages_ms

    on_virtual_time(work())


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (ConversationState(phase=Phase.CONTACT, notice_heard=True), "jane dot doe at gmail dot com"),
        (
            ConversationState(
                phase=Phase.CONTACT, notice_heard=True, email=EmailSlot("jane@gmail.com", read_back=True)
            ),
            "yes that's right",
        ),
        (ConversationState(phase=Phase.ANYTHING_ELSE, notice_heard=True), "no"),
        (ASKED, "thanks, goodbye"),
        (ASKED, "I want to talk to a person"),
        (ASKED, "can you hear me?"),
    ],
)
def test_what_needs_no_answer_costs_no_request(state: ConversationState, words: str) -> None:
    async def work() -> None:
        async with house(state=state) as (ahead, _, model, shelf):
            ahead.report(*likely(words))
            await asyncio.sleep(0.5)
            assert not model.requests
            assert not shelf.queries
            await spoken(ahead.reply_to(words))

    on_virtual_time(work())


def test_tools_are_only_proposed_ahead() -> None:
    opens = ToolCall("1", "open_ticket", {"reason": "a refund", "promise": "a call"})

    async def work() -> None:
        async with house((opens,)) as (ahead, assistant, model, _shelf):
            before = assistant.state
            ahead.report(*likely(QUESTION))
            await asyncio.sleep(1.0)
            assert len(model.requests) == 1
            ahead.drop()
            assert assistant.state is before
            assert assistant.state.promise is None

    on_virtual_time(work())


def test_without_the_model_the_search_alone_is_begun() -> None:
    async def work() -> None:
        async with house(asks_model=False) as (ahead, _, model, shelf):
            ahead.report(*likely(QUESTION))
            await asyncio.sleep(0.1)
            assert shelf.queries == [QUESTION]
            assert not model.requests
            await spoken(ahead.reply_to("How do I restart my router."))
            assert shelf.queries == [QUESTION]
            assert len(model.requests) == 1

    on_virtual_time(work())


def test_words_that_grow_are_looked_up_before_they_have_ended() -> None:
    async def work() -> None:
        async with house() as (ahead, _, model, shelf):
            for text in ("How do I", "How do I restart my", QUESTION):
                ahead.report(TurnSoFar(interim=text), Interim(text, 0.0))
                await asyncio.sleep(0.1)
            assert shelf.queries == [QUESTION]
            assert not model.requests
            ahead.report(TurnSoFar(finals=(QUESTION,)), Final(QUESTION, ends_utterance=False, spoken_until=0.0))
            await asyncio.sleep(0.1)
            assert len(model.requests) == 1
            assert shelf.queries == [QUESTION]

    on_virtual_time(work())


class Slow:
    """Knowledge that takes its time, and says which searches it finished."""

    def __init__(self, *, fails: int = 0) -> None:
        self.asked: list[str] = []
        self.finished: list[str] = []
        self._fails = fails

    async def search(self, query: str) -> SearchAnswer:
        self.asked.append(query)
        await asyncio.sleep(0.2)
        if len(self.asked) <= self._fails:
            raise Transient("away")
        self.finished.append(query)
        return SearchAnswer(found=False, passages=[])


def test_the_newest_guess_replaces_the_one_before() -> None:
    async def work() -> None:
        slow = Slow()
        searches = SearchesAhead(slow, LoopClock())
        started, wasted = counted("retrieval", "started"), counted("retrieval", "wasted")
        searches.begin("how do")
        await asyncio.sleep(0.1)
        searches.begin("how do I restart it")
        searches.begin("How do I restart it?")
        await asyncio.sleep(0.15)
        searches.decided(["HOW do I restart it."])
        since = LoopClock().monotonic()
        await searches.search("How do I restart it.")
        assert LoopClock().monotonic() - since == pytest.approx(0.05)
        assert slow.asked == ["how do", "how do I restart it"]
        assert slow.finished == ["how do I restart it"]
        assert counted("retrieval", "started") == started + 2
        assert counted("retrieval", "wasted") == wasted + 1
        await searches.close()

    on_virtual_time(work())


def test_a_search_that_failed_ahead_is_made_again() -> None:
    async def work() -> None:
        slow = Slow(fails=1)
        searches = SearchesAhead(slow, LoopClock())
        searches.begin("how do I restart it")
        await searches.search("how do I restart it")
        assert len(slow.asked) == 2
        assert len(slow.finished) == 1
        await searches.close()

    on_virtual_time(work())


def test_one_who_gives_up_waiting_does_not_end_the_search_for_others() -> None:
    async def work() -> None:
        slow = Slow()
        searches = SearchesAhead(slow, LoopClock())
        searches.begin("how do I restart it")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await searches.search("how do I restart it")
        await searches.search("how do I restart it")
        assert len(slow.asked) == 1
        await searches.close()

    on_virtual_time(work())
