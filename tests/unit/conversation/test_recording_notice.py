"""A call is recorded when the caller has heard it: said in the greeting, and again until it was heard to its end."""

from __future__ import annotations

import pytest

from shared.contracts.conversations import Opening
from shared.contracts.relay import Transport
from shared.conversation.agent import rules_of
from shared.conversation.opening import greeting
from shared.conversation.phrases import Phrase, phrase
from shared.conversation.state import RecordingNotice
from shared.conversation.turns import Mark
from tests.text_channel import TextChannel, profile

RECORDED = phrase("en", Phrase.RECORDED)
HEARD_BEFORE = "Thanks for calling Fernway Internet. I am an AI assistant."


async def test_the_greeting_says_it_and_whoever_has_heard_it_may_be_recorded() -> None:
    call = TextChannel(profile(records_calls=True))
    assert call.state.recording == "untold"
    assert RECORDED in (await call.open()).sentences
    assert call.state.recording is RecordingNotice.TOLD
    assert RECORDED not in (await call.say("How do I restart my router?")).sentences


@pytest.mark.parametrize("heard", [HEARD_BEFORE, f"{HEARD_BEFORE} This call is"])
async def test_who_breaks_in_before_its_end_hears_it_again_and_is_not_recorded_yet(heard: str) -> None:
    call = TextChannel(profile(records_calls=True))
    await call.open(hears=lambda _: heard)
    assert (call.state.notice_heard, call.state.recording) == (True, RecordingNotice.UNTOLD)
    assert (await call.say("How do I restart my router?")).sentences[0] == RECORDED
    assert call.state.recording is RecordingNotice.TOLD


async def test_who_was_greeted_elsewhere_is_told_with_our_first_words() -> None:
    call = TextChannel(profile(records_calls=True, opening=Opening.WAIT))
    assert (await call.say("How do I restart my router?")).sentences[0] == RECORDED


async def test_nobody_is_told_of_a_recording_that_is_not_made() -> None:
    call = TextChannel(profile())
    assert RECORDED not in (await call.open()).sentences
    assert call.state.recording is RecordingNotice.NONE


def test_a_call_of_ours_says_it_before_its_message() -> None:
    rules = rules_of(profile(records_calls=True), has_model=False, initial_message="It arrived.")
    assert [mark for _, mark in greeting(rules)] == [Mark.NOTICE, Mark.RECORDED, None]


def test_of_a_relay_session_twilio_tells() -> None:
    relayed = profile(records_calls=True, transport=Transport.CONVERSATION_RELAY)
    assert not rules_of(relayed, has_model=False).records
