"""Keys of the telephone, and the first and last words of a call that we placed."""

from __future__ import annotations

import pytest

from shared.clock import SystemClock
from shared.conversation.agent import rules_of
from shared.conversation.assistant import Assistant
from shared.conversation.opening import greeting
from shared.conversation.ports import NextStep
from shared.conversation.turns import Mark
from tests.text_channel import TextChannel, profile

PERSON = "+12025550180"


async def press(call: TextChannel, key: str) -> str:
    """Say what the key says; the reply."""
    said = call.assistant.key_says(key)
    assert said is not None
    reply = await call.say(said)
    return f"{reply.text} [{reply.step}]"


async def test_zero_asks_for_a_person_at_any_time() -> None:
    call = TextChannel(profile(transfer_number=PERSON))
    await call.open()
    assert (await press(call, "0")).endswith("[transfer]")


async def test_zero_without_a_person_is_a_promise_to_call_back() -> None:
    call = TextChannel()
    await call.open()
    assert "call you back" in await press(call, "0")


async def test_a_star_says_it_again() -> None:
    call = TextChannel()
    await call.open()
    answer = await call.say("how do I restart my router")
    assert answer.text in await press(call, "*")


async def test_one_and_two_are_yes_and_no_only_when_that_is_asked() -> None:
    call = TextChannel()
    await call.open()
    assert [call.assistant.key_says(key) for key in "123456789#ABCD"] == [None] * 14
    await call.say("how do I restart my router", "no thanks")
    assert call.assistant.key_says("1") is None  # an address is expected, and cannot be typed
    await call.say("jane at gmail dot com")
    assert "Thank you" in await press(call, "1")
    assert call.state.email.confirmed == "jane@gmail.com"


async def test_a_call_of_ours_says_first_who_calls_and_that_it_is_an_ai_and_last_what_it_wants() -> None:
    rules = rules_of(profile(transfer_number=PERSON), has_model=False, initial_message="It arrived. Does it work?")
    sentences = greeting(rules)
    assert sentences[0] == ("Hello, I am Fern, the AI assistant of Fernway Internet.", Mark.NOTICE)
    assert [text for text, _ in sentences[1:]] == [
        "To talk to a person, just say so at any time.",
        "It arrived.",
        "Does it work?",
    ]


@pytest.mark.parametrize(("message", "thanks"), [("It arrived.", "for your time"), ("", "for calling")])
async def test_we_thank_for_what_they_did(message: str, thanks: str) -> None:
    call = TextChannel()
    call.assistant = Assistant(call.assistant.profile, call.shelf, None, SystemClock(), initial_message=message)
    await call.open()
    end = await call.say("goodbye")
    assert end.step is NextStep.HANG_UP
    assert thanks in end.text
