"""A conversation whose process was lost goes on in another: nothing is asked twice, and nothing said twice."""

from __future__ import annotations

import json
from contextlib import aclosing

import pytest

from shared.clock import SystemClock
from shared.conversation.assistant import Assistant
from shared.conversation.reply import SpokenReply
from shared.conversation.state import ConversationState
from tests.text_channel import Shelf, profile


def an_assistant(state: ConversationState | None = None) -> Assistant:
    """With the state as another process would read it from the record."""
    read = ConversationState.from_json(json.loads(json.dumps(state.to_json()))) if state is not None else None
    return Assistant(profile(), Shelf(), None, SystemClock(), read)


async def sentences(reply: SpokenReply) -> list[str]:
    async with aclosing(aiter(reply)) as spoken:
        return [sentence.text async for sentence in spoken]


async def heard(assistant: Assistant, reply: SpokenReply) -> list[str]:
    """Everything the reply says, heard to its end."""
    said = await sentences(reply)
    assistant.commit(reply, " ".join(said), complete=True)
    return said


async def greeted() -> Assistant:
    assistant = an_assistant()
    await heard(assistant, assistant.open())
    return assistant


async def test_a_question_that_was_never_answered_is_answered_and_not_asked_for_again() -> None:
    first = await greeted()
    reply = first.reply_to("How do I restart my router?")
    second = an_assistant(reply.in_flight(0))
    said = await heard(second, second.open())
    assert said[0] == "Sorry, we were cut off for a moment."
    assert "Hold the power button on the back for ten seconds." in said
    assert said[-1] == "Is there anything else I can help you with?"
    assert [question.text for question in second.state.questions] == ["How do I restart my router?"]
    assert second.state.questions[0].answered


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_what_was_heard_of_an_answer_is_not_said_again(count: int) -> None:
    first = await greeted()
    reply = first.reply_to("How do I restart my router?")
    whole = await sentences(reply)
    second = an_assistant(reply.in_flight(count))
    said = await heard(second, second.open())
    assert said[1:] == whole[count:]
    assert second.state.questions[0].answered
    history = [utterance.text for utterance in second.state.history]
    assert all(sentence in history[-1] for sentence in whole)
    assert second.state.heard_already == ()


async def test_a_second_loss_goes_on_behind_the_first() -> None:
    first = await greeted()
    reply = first.reply_to("How do I restart my router?")
    whole = await sentences(reply)
    second = an_assistant(reply.in_flight(1))
    resumed = second.open()
    again = await sentences(resumed)
    assert again[1] == whole[1]
    third = an_assistant(resumed.in_flight(2))
    said = await heard(third, third.open())
    assert said[1:] == whole[2:]


async def test_an_answer_that_was_heard_but_for_its_end_still_ends_with_something_to_answer() -> None:
    first = await greeted()
    reply = first.reply_to("How do I restart my router?")
    whole = await sentences(reply)
    second = an_assistant(reply.in_flight(len(whole)))
    assert (await heard(second, second.open()))[1:] == whole[-1:]


async def test_a_confirmed_address_stays_confirmed_although_nobody_said_thank_you() -> None:
    first = await greeted()
    for words in ("How do I restart my router?", "No, that is all.", "jane dot doe at gmail dot com"):
        await heard(first, first.reply_to(words))
    reply = first.reply_to("Yes, that is right.")
    second = an_assistant(reply.in_flight(0))
    said = " ".join(await heard(second, second.open()))
    assert second.state.email.confirmed == "jane.doe@gmail.com"
    assert "Is that right?" not in said
    assert "gmail" not in said


async def test_a_greeting_goes_on_where_it_was_cut() -> None:
    first = an_assistant()
    reply = first.open()
    whole = await sentences(reply)
    second = an_assistant(reply.in_flight(2))
    assert await heard(second, second.open()) == ["Sorry, we were cut off for a moment.", *whole[2:]]
    assert second.state.notice_heard
