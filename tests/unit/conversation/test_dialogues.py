"""Whole conversations over a channel of text, from the greeting to the goodbye."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import pytest

from shared.contracts.conversations import EmailPolicy, Opening, Outcome
from shared.contracts.knowledge import SearchAnswer
from shared.conversation.ports import ModelUnavailable, NextStep, Origin, ToolCall
from shared.conversation.state import ConversationState, Phase, PromiseKind
from shared.errors import Transient
from tests.text_channel import Pause, ScriptedModel, Shelf, TextChannel, first_words, profile

ANSWER = ("Hold the power ", "button for ten seconds. ", "Then wait two minutes.")


async def test_from_question_to_goodbye() -> None:
    call = TextChannel()
    greeting = await call.open()
    assert "AI assistant" in greeting.text
    assert "call you back" in greeting.text
    assert call.state.notice_heard
    answer = await call.say("Hi, how do I restart my router?")
    assert "ten seconds" in answer.text
    assert answer.provenance.origin is Origin.RULES
    assert answer.provenance.sources[0]["title"] == "Restart your router"
    assert "retrieval" in answer.provenance.stages_ms
    follow_up = await call.say("And how long does it take?")
    assert "two minutes" in follow_up.text
    assert call.shelf.queries[-1].startswith("Restart your router.")
    asked = await call.say("No, that's all, thanks.")
    assert "e-mail" in asked.text
    assert call.expects.value == "email"
    heard = await call.say("it's jane dot dough at gmail dot com")
    assert "D, O, U, G, H" in heard.text
    assert call.expects.value == "yes_or_no"
    corrected = await call.say("no, it's spelled d o e")
    assert "D, O, E, at gmail dot com" in corrected.text
    goodbye = await call.say("yes that's right")
    assert goodbye.step is NextStep.HANG_UP
    assert "Goodbye" in goodbye.text
    assert call.state.email.confirmed == "jane.doe@gmail.com"
    assert call.assistant.outcome() is Outcome.ANSWERED
    assert [(question.found, question.answered) for question in call.state.questions] == [(True, True), (True, True)]


async def test_what_is_not_known_becomes_a_promise() -> None:
    call = TextChannel()
    await call.open()
    answer = await call.say("do you offer static IP addresses for business lines?")
    assert "could not find" in answer.text
    assert "ticket" in answer.text
    assert call.state.promise is not None
    assert call.state.promise.kind is PromiseKind.FOLLOW_UP
    assert call.state.promise.text in answer.text
    assert not call.state.questions[0].found
    refused = await call.say("no", "I'd rather not give it")
    assert refused.step is NextStep.HANG_UP
    assert "e-mail" not in refused.text
    assert "get back to you" in refused.text
    assert call.assistant.outcome() is Outcome.FOLLOW_UP


async def test_an_agent_that_opens_no_tickets_promises_none() -> None:
    call = TextChannel(profile(tools=("search_knowledge", "end_call")))
    await call.open()
    answer = await call.say("do you offer static IP addresses for business lines?")
    assert "ticket" not in answer.text
    assert call.state.promise is None
    assert call.assistant.outcome() is Outcome.FOLLOW_UP


async def test_a_person_is_called_to_the_line_at_once() -> None:
    call = TextChannel(profile(transfer_number="+12025550180"))
    greeting = await call.open()
    assert "talk to a person" in greeting.text
    transfer = await call.say("how do I restart my router", "I want to talk to a human")
    assert transfer.step is NextStep.TRANSFER
    assert call.assistant.outcome() is Outcome.TRANSFERRED


async def test_a_transfer_that_was_interrupted_waits_for_the_caller() -> None:
    call = TextChannel(profile(transfer_number="+12025550180"))
    await call.open()
    cut = await call.say_and_interrupt("agent please", first_words(3))
    assert cut.step is NextStep.LISTEN
    assert call.assistant.outcome() is Outcome.FOLLOW_UP
    again = await call.say("yes please")
    assert again.step is NextStep.TRANSFER


async def test_without_a_person_on_the_line_a_call_back_is_promised() -> None:
    call = TextChannel()
    await call.open()
    answer = await call.say("can I speak to someone in billing please")
    assert "call you back" in answer.text
    assert call.state.promise is not None
    assert call.state.promise.kind is PromiseKind.CALL_BACK
    again = await call.say("no I want a real person")
    assert "call you back" in again.text
    last = await call.say("that's all", "bob at example dot com", "yes")
    assert last.step is NextStep.HANG_UP
    assert "will call you back" in last.text


async def test_a_vague_caller_is_asked_and_in_the_end_given_to_a_person() -> None:
    call = TextChannel()
    await call.open()
    first = await call.say("I have a problem")
    assert first.provenance.phase == Phase.CLARIFY.value
    second = await call.say("it's not working")
    assert second.text != first.text
    third = await call.say("I need help")
    assert "call you back" in third.text
    assert call.state.promise is not None


async def test_nonsense_is_asked_about_before_it_is_written_into_a_ticket() -> None:
    call = TextChannel()
    await call.open()
    for nonsense in ("flurb dax", "glim wob"):
        reply = await call.say(nonsense)
        assert "ticket" not in reply.text
    assert not call.state.questions
    reply = await call.say("wibble wobble")
    assert "ticket" in reply.text


@pytest.mark.parametrize("said", ["", "um", "…", "嗯嗯嗯"])
async def test_what_is_no_word_is_answered_with_a_question(said: str) -> None:
    call = TextChannel()
    await call.open()
    reply = await call.say(said)
    assert reply.step is NextStep.LISTEN
    assert reply.sentences


async def test_an_address_that_cannot_be_one_is_explained_and_given_up_in_the_end() -> None:
    call = TextChannel()
    await call.open()
    asked = await call.say("how do I restart my router", "no")
    assert "e-mail" in asked.text
    explained = await call.say("jane at dot com")
    assert "whole e-mail address" in explained.text
    spelled = await call.say("jane at dot com")
    assert spelled.step is NextStep.LISTEN
    last = await call.say("jane at dot com")
    assert last.step is NextStep.HANG_UP
    assert call.state.email.confirmed is None
    assert call.state.email.closed


async def test_an_address_in_pieces_is_put_together() -> None:
    call = TextChannel()
    await call.open()
    await call.say("how do I restart my router", "no")
    part = await call.say("it's jane dot")
    assert part.step is NextStep.LISTEN
    assert not call.assistant.sounds_complete("doe at")
    whole = await call.say("doe at gmail dot com")
    assert "jane dot doe at gmail dot com" in whole.text


async def test_of_an_address_whose_beginning_was_lost_the_whole_is_asked_for() -> None:
    call = TextChannel()
    await call.open()
    await call.say("how do I restart my router", "no")
    asked = await call.say("at example dot org.")
    assert "Could you spell your e-mail address" in asked.text
    whole = await call.say("zoe dot ives at example dot org")
    assert "Z, O, E, dot, I, V, E, S, at example dot org" in whole.text


async def test_an_interrupted_reading_is_no_question_that_yes_answers() -> None:
    call = TextChannel()
    await call.open()
    await call.say("how do I restart my router", "no")
    await call.say_and_interrupt("jane dot doe at gmail dot com", first_words(2))
    again = await call.say("yes")
    assert "jane dot doe" in again.text
    assert call.state.email.confirmed is None
    await call.say("yes")
    assert call.state.email.confirmed == "jane.doe@gmail.com"


async def test_a_question_while_the_address_is_asked_for_is_answered_first() -> None:
    call = TextChannel()
    await call.open()
    await call.say("how do I restart my router", "no thanks")
    answer = await call.say("wait, how do I change my billing date?")
    assert "1 to 28" in answer.text
    assert "e-mail" in answer.sentences[-1]
    assert call.state.phase is Phase.CONTACT
    last = await call.say("bob at example dot com", "yes")
    assert last.step is NextStep.HANG_UP
    assert call.state.email.confirmed == "bob@example.com"


async def test_the_reason_is_given_when_the_caller_hesitates() -> None:
    call = TextChannel()
    await call.open()
    reason = await call.say("how do I restart my router", "no", "do you really need that?")
    assert "don't have to" in reason.text
    assert call.expects.value == "email"


async def test_an_address_beside_a_question_is_kept_until_the_end() -> None:
    call = TextChannel()
    await call.open()
    answer = await call.say("my email is bob@example.com and how do I restart my router?")
    assert "ten seconds" in answer.text
    read = await call.say("no that's all")
    assert "bob at example dot com" in read.text
    await call.say("yes")
    assert call.state.email.confirmed == "bob@example.com"


async def test_an_address_that_is_withdrawn_is_forgotten() -> None:
    call = TextChannel()
    await call.open()
    await call.say("how do I restart my router", "no", "jane dot doe at gmail dot com", "oh forget it, I'd rather not")
    assert call.state.email.candidate is None
    assert call.state.email.closed


async def test_an_address_given_unasked_is_read_back_and_not_asked_for_again() -> None:
    call = TextChannel()
    await call.open()
    read = await call.say("my email is bob@example.com")
    assert "bob at example dot com" in read.text
    confirmed = await call.say("yes")
    assert confirmed.step is NextStep.LISTEN
    last = await call.say("how do I restart my router", "that's all, bye")
    assert last.step is NextStep.HANG_UP
    assert "e-mail" not in last.text


async def test_a_confirmed_address_changes_only_when_the_new_one_is_confirmed() -> None:
    call = TextChannel()
    await call.open()
    await call.say("my email is bob@example.com", "yes", "actually my email is bob@fernway.net")
    assert call.state.email.confirmed == "bob@example.com"
    await call.say("yes that's right")
    assert call.state.email.confirmed == "bob@fernway.net"


@pytest.mark.parametrize(
    ("policy", "line", "asks"),
    [
        (EmailPolicy.NEVER, "do you offer static IP addresses for business lines?", False),
        (EmailPolicy.FOLLOW_UP_ONLY, "how do I restart my router?", False),
        (EmailPolicy.FOLLOW_UP_ONLY, "do you offer static IP addresses for business lines?", True),
        (EmailPolicy.ALWAYS, "how do I restart my router?", True),
    ],
)
async def test_the_agents_policy_decides_whether_an_address_is_asked_for(
    policy: EmailPolicy, line: str, asks: bool
) -> None:
    call = TextChannel(profile(email_policy=policy))
    await call.open()
    last = await call.say(line, "no, that's all")
    assert ("e-mail" in last.text) is asks


async def test_goodbye_ends_the_call_in_any_phase() -> None:
    for lines in ((), ("how do I restart my router",), ("how do I restart my router", "no"), ("I have a problem",)):
        call = TextChannel()
        await call.open()
        if lines:
            await call.say(*lines)
        last = await call.say("goodbye")
        assert last.step is NextStep.HANG_UP, lines


async def test_a_goodbye_that_was_not_heard_does_not_hang_up() -> None:
    call = TextChannel()
    await call.open()
    cut = await call.say_and_interrupt("bye", first_words(2))
    assert cut.step is NextStep.LISTEN
    answer = await call.say("oh wait, how do I restart my router?")
    assert "ten seconds" in answer.text


async def test_a_notice_that_was_cut_off_is_said_again() -> None:
    call = TextChannel()
    await call.open(hears=first_words(7))
    assert not call.state.notice_heard
    answer = await call.say("how do I restart my router?")
    assert answer.sentences[0].endswith("AI assistant.")
    assert call.state.notice_heard
    later = await call.say("and how long does it take?")
    assert "AI assistant" not in later.text


async def test_asked_it_says_that_it_is_an_ai() -> None:
    call = TextChannel()
    await call.open()
    assert (await call.say("am I talking to a real person?")).text.startswith("Yes, I am an AI")


async def test_only_what_was_heard_is_remembered() -> None:
    call = TextChannel()
    await call.open()
    await call.say_and_interrupt("how do I restart my router?", first_words(12))
    assert call.state.history[-1].text == "Here is what I found under Restart your router. Hold the power"
    assert not call.state.questions[0].answered
    assert call.state.phase is Phase.ANSWER
    thanks = await call.say("okay thanks")
    assert "anything else" in thanks.text
    assert call.state.questions[0].answered


async def test_words_cut_in_two_by_a_pause_are_one_question() -> None:
    call = TextChannel()
    await call.open()
    await call.say_and_interrupt("how do I restart", first_words(0))
    answer = await call.say("my router please")
    assert call.shelf.queries[-1] == "how do I restart my router please"
    assert "ten seconds" in answer.text


async def test_a_caller_who_did_not_catch_it_hears_it_again() -> None:
    call = TextChannel()
    await call.open()
    answer = await call.say("how do I restart my router?")
    assert (await call.say("sorry, could you repeat that?")).sentences == answer.sentences


async def test_an_answer_that_did_not_help_goes_to_a_person() -> None:
    call = TextChannel()
    await call.open()
    await call.say("how do I restart my router?", "that didn't help", "no")
    assert call.state.promise is not None
    assert not call.state.questions[0].answered
    assert call.assistant.outcome() is Outcome.FOLLOW_UP


async def test_silence_is_asked_about_twice_and_then_ended() -> None:
    call = TextChannel()
    await call.open()
    first, second, third = [await call.be_silent() for _ in range(3)]
    assert first.text != second.text
    assert (first.step, second.step, third.step) == (NextStep.LISTEN, NextStep.LISTEN, NextStep.HANG_UP)
    assert call.assistant.outcome() is Outcome.SILENT


async def test_a_caller_who_asked_for_a_moment_gets_one_more() -> None:
    call = TextChannel()
    await call.open()
    await call.say("hold on a second please")
    steps = [(await call.be_silent()).step for _ in range(4)]
    assert steps == [NextStep.LISTEN] * 3 + [NextStep.HANG_UP]


async def test_a_conversation_goes_on_in_another_process() -> None:
    call = TextChannel()
    await call.open()
    await call.say("how do I restart my router", "no", "jane dot doe at gmail dot com")
    other = TextChannel(state=ConversationState.from_json(call.state.to_json()))
    resumed = await other.open()
    assert "cut off" in resumed.text
    assert "jane dot doe" in resumed.text
    assert "AI assistant" not in resumed.text
    last = await other.say("yes")
    assert last.step is NextStep.HANG_UP
    assert other.state.email.confirmed == "jane.doe@gmail.com"


async def test_a_checkpoint_of_another_kind_begins_anew() -> None:
    assert ConversationState.from_json({"version": 99, "phase": "issue"}) == ConversationState()
    assert ConversationState.from_json({"phase": "dancing"}) == ConversationState()
    assert ConversationState.from_json({}) == ConversationState()


async def test_the_model_speaks_sentence_by_sentence() -> None:
    model = ScriptedModel(ANSWER)
    call = TextChannel(model=model)
    await call.open()
    answer = await call.say("how do I restart my router?")
    assert answer.sentences[:2] == ["Hold the power button for ten seconds.", "Then wait two minutes."]
    assert answer.provenance.origin is Origin.MODEL
    assert {"retrieval", "first_token", "first_sentence"} <= answer.provenance.stages_ms.keys()
    assert model.closed == 1


async def test_the_model_may_ask_back_and_gets_the_answer() -> None:
    model = ScriptedModel(["Which router is it?"], ANSWER)
    call = TextChannel(model=model)
    await call.open()
    asked = await call.say("how do I restart my router?")
    assert asked.sentences == ["Which router is it?"]
    answer = await call.say("yes the white one")
    assert answer.provenance.origin is Origin.MODEL
    assert {"role": "assistant", "content": "Which router is it?"} in model.requests[1].messages


async def test_a_model_that_breaks_off_is_not_repeated() -> None:
    model = ScriptedModel(["Hold the button for ten seconds. ", "Then ", ModelUnavailable()])
    call = TextChannel(model=model)
    await call.open()
    answer = await call.say("how do I restart my router?")
    assert answer.sentences[0] == "Hold the button for ten seconds."
    assert "can't finish" in answer.text
    assert answer.text.count("ten seconds") == 1
    assert call.state.promise is not None
    assert call.state.questions[0].found
    assert not call.state.questions[0].answered


@pytest.mark.parametrize("parts", [[ModelUnavailable()], [], ["**"], [Pause(30)], ["Hold the", Pause(30)]])
async def test_a_model_without_a_sentence_is_replaced_in_time(parts: list[str]) -> None:
    call = TextChannel(model=ScriptedModel(parts))
    await call.open()
    began = time.monotonic()
    answer = await call.say("how do I restart my router?")
    assert time.monotonic() - began < 2.5
    assert answer.provenance.origin is Origin.RULES
    assert "ten seconds" in answer.text


async def test_a_model_that_fails_in_our_own_code_is_apologised_for() -> None:
    call = TextChannel(model=ScriptedModel([RuntimeError("a bug")], ANSWER))
    await call.open()
    apology = await call.say("how do I restart my router?")
    assert "went wrong" in apology.text
    assert apology.step is NextStep.LISTEN
    answer = await call.say("how do I restart my router?")
    assert answer.provenance.origin is Origin.MODEL
    assert call.shelf.queries[-1] == "how do I restart my router?"


class AwayKnowledge:
    """Cannot be asked."""

    async def search(self, query: str) -> SearchAnswer:
        raise Transient(f"no answer to {len(query)} characters")


class HangingKnowledge:
    """Never answers."""

    async def search(self, query: str) -> SearchAnswer:
        await asyncio.Event().wait()
        raise AssertionError(query)


@pytest.mark.parametrize("knowledge", [AwayKnowledge(), HangingKnowledge()])
async def test_knowledge_that_is_away_is_said_in_time_and_left_to_a_person(
    knowledge: AwayKnowledge | HangingKnowledge,
) -> None:
    call = TextChannel(knowledge=knowledge, model=ScriptedModel(ANSWER))
    await call.open()
    began = time.monotonic()
    answer = await call.say("how do I restart my router?")
    assert time.monotonic() - began < 2.5
    assert "can't look that up" in answer.text
    assert call.state.promise is not None


async def test_closing_a_reply_stops_the_model_behind_it() -> None:
    model = ScriptedModel(["Hold the button. ", Pause(30), "Never said."])
    call = TextChannel(model=model)
    await call.open()
    reply = call.assistant.reply_to("how do I restart my router?")
    async with aclosing(aiter(reply)) as sentences:
        first = await anext(sentences)
    assert model.closed == 1
    call.assistant.commit(reply, first.text, complete=False)
    assert call.state.history[-1].text == "Hold the button."
    assert not call.state.questions[0].answered


async def test_a_reply_made_on_a_guess_changes_nothing() -> None:
    call = TextChannel()
    await call.open()
    before = call.state
    async with aclosing(aiter(call.assistant.reply_to("how do I restart my router?"))) as sentences:
        async for _ in sentences:
            pass
    assert call.state == before


async def test_the_model_may_search_again_once() -> None:
    search = ToolCall("call_1", "search_knowledge", {"query": "change billing date"})
    model = ScriptedModel([search], ["Choose any day from 1 to 28."])
    call = TextChannel(model=model)
    await call.open()
    answer = await call.say("restart my router on another bill day")
    assert answer.sentences[0] == "Choose any day from 1 to 28."
    assert call.shelf.queries[-1] == "change billing date"
    assert model.requests[1].messages[-1]["role"] == "tool"
    assert {source["title"] for source in answer.provenance.sources} >= {"Change your billing date"}


async def test_a_model_that_only_searches_is_replaced() -> None:
    search = ToolCall("call_1", "search_knowledge", {"query": "router restart"})
    call = TextChannel(model=ScriptedModel([search]))
    await call.open()
    answer = await call.say("how do I restart my router?")
    assert answer.provenance.origin is Origin.RULES


async def test_a_ticket_proposed_by_the_model_is_promised_in_our_words() -> None:
    ticket = ToolCall("call_1", "open_ticket", {"reason": "refund", "promise": "You get a hundred dollars"})
    call = TextChannel(model=ScriptedModel(["I am not sure about that one. ", ticket]))
    await call.open()
    answer = await call.say("how do I restart my router?")
    assert "hundred dollars" not in answer.text
    assert call.state.promise is not None
    assert "get back to you" in call.state.promise.text


@pytest.mark.parametrize(
    "call",
    [
        ToolCall("1", "open_ticket", {"reason": "x"}),
        ToolCall("1", "open_ticket", {"reason": "x", "promise": "y", "email": "a@b.com"}),
        ToolCall("1", "open_ticket", {"reason": "x\u0000", "promise": "y"}),
        ToolCall("1", "search_knowledge", {"query": ""}),
        ToolCall("1", "transfer", {"to": "+1900"}),
    ],
)
async def test_a_proposal_that_breaks_the_rules_does_nothing(call: ToolCall) -> None:
    channel = TextChannel(model=ScriptedModel(["Hold the button for ten seconds. ", call]))
    await channel.open()
    answer = await channel.say("how do I restart my router?")
    assert answer.sentences[0] == "Hold the button for ten seconds."
    assert channel.state.promise is None


async def test_a_model_cannot_end_the_call_over_a_question() -> None:
    end = ToolCall("1", "end_call", {})
    call = TextChannel(model=ScriptedModel([end]))
    await call.open()
    answer = await call.say("how do I restart my router?")
    assert answer.step is NextStep.LISTEN
    assert "ten seconds" in answer.text


async def test_an_agent_without_knowledge_base_lets_the_model_talk() -> None:
    call = TextChannel(
        profile(tools=(), email_policy=EmailPolicy.NEVER), model=ScriptedModel(["Your order is on its way."])
    )
    await call.open()
    answer = await call.say("hello please check the status of my order")
    assert answer.sentences[0] == "Your order is on its way."
    assert call.shelf.queries == []


async def test_an_agent_that_waits_says_nothing_before_the_caller_does() -> None:
    call = TextChannel(profile(opening=Opening.WAIT), model=ScriptedModel(ANSWER))
    opened = await call.open()
    assert opened.text == ""
    assert opened.step is NextStep.LISTEN
    answer = await call.say("how do I restart my router?")
    assert "AI" not in answer.text
    assert "ten seconds" in answer.text


async def test_an_agent_that_waits_takes_a_call_up_again_like_any_other() -> None:
    waits = profile(opening=Opening.WAIT)
    call = TextChannel(waits, model=ScriptedModel(ANSWER))
    await call.open()
    await call.say("how do I restart my router?")
    resumed = TextChannel(waits, state=ConversationState.from_json(call.state.to_json()))
    assert (await resumed.open()).text


async def test_the_time_limit_is_announced_and_kept() -> None:
    call = TextChannel()
    await call.open()
    warning = await call.play(call.assistant.time_is_nearly_up(), None)
    assert "five minutes" in warning.text
    end = await call.play(call.assistant.time_is_up(), None)
    assert end.step is NextStep.HANG_UP


async def test_a_search_that_finds_nothing_is_not_shown_to_the_model() -> None:
    model = ScriptedModel(ANSWER)
    call = TextChannel(knowledge=Shelf(articles={}), model=model)
    await call.open()
    await call.say("how do I restart my router?")
    assert model.requests == []
