"""Somebody whom we called asks for no more calls: asked once, noted on a yes, and never by mistake."""

from __future__ import annotations

import pytest

from shared.clock import SystemClock
from shared.conversation.assistant import Assistant
from shared.conversation.ports import Expectation, NextStep
from shared.conversation.state import ConversationState
from tests.text_channel import TextChannel

ASKS = "never call this number again?"


async def called(message: str = "Your router arrived.") -> TextChannel:
    call = TextChannel()
    call.assistant = Assistant(call.assistant.profile, call.shelf, None, SystemClock(), initial_message=message)
    await call.open()
    return call


@pytest.mark.parametrize(
    "said",
    [
        "please do not call me again",
        "Don't ever call this number.",
        "stop calling me",
        "take me off your list",
        "remove my number from your calling list please",
        "put me on the do not call list",
        "no more calls please",
        "I don't want to be called anymore",
    ],
)
async def test_a_yes_notes_it_and_ends_the_call(said: str) -> None:
    call = await called()
    asked = await call.say(said)
    assert asked.text.endswith(ASKS)
    assert call.assistant.expects is Expectation.YES_OR_NO
    assert not call.state.opted_out
    end = await call.say("yes please")
    assert call.state.opted_out
    assert "We will not call this number again." in end.text
    assert end.step is NextStep.HANG_UP
    assert ConversationState.from_json(call.state.to_json()).opted_out


async def test_saying_it_again_is_a_yes() -> None:
    call = await called()
    await call.say("stop calling me", "No, never call me again!")
    assert call.state.opted_out


async def test_whoever_hangs_up_on_our_answer_has_said_yes_all_the_same() -> None:
    call = await called()
    await call.say("stop calling me")
    call.assistant.commit(call.assistant.reply_to("yes"), "", complete=False)
    assert call.state.opted_out


@pytest.mark.parametrize("answer", ["no", "how do I restart my router", "goodbye"])
async def test_without_a_yes_nothing_is_noted(answer: str) -> None:
    call = await called()
    await call.say("stop calling me", answer)
    assert not call.state.opted_out
    assert not call.state.opting_out
    if call.state.said_goodbye:
        return
    await call.say("yes")
    assert not call.state.opted_out, "a yes to something else"


@pytest.mark.parametrize("said", ["can I call you again tomorrow", "my phone does not ring when people call me"])
async def test_talk_about_calls_is_no_wish_for_none(said: str) -> None:
    call = await called()
    assert ASKS not in (await call.say(said)).text


async def test_who_calls_us_is_not_asked() -> None:
    """Their number may be withheld, and it is not us who call."""
    call = TextChannel()
    await call.open()
    assert ASKS not in (await call.say("please do not call me again")).text
