"""What happens next in a call, over all states and all orders of reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.webhooks.next_step import (
    MOST_GENERATIONS,
    Answer,
    CallState,
    Connect,
    Farewell,
    HangUp,
    PutThrough,
    TakeMessage,
    TalkPlainly,
    Wait,
    after_dial,
    after_failure,
    after_message,
    after_stream,
    answer,
    answer_after_dial,
    answer_after_message,
    machine_answered,
    pulled,
    talked_to_the_end,
)
from services.gateway.webhooks.relay_end import RelayEnd, read_relay_end
from services.gateway.webhooks.waiting import after_round
from shared.contracts.calls import CallStatus, Handoff, MediaState, NextStep, TransferMode, TransferOutcome
from shared.contracts.conversations import Outcome
from shared.contracts.relay import Transport

TALKING = CallState(
    status=CallStatus.IN_PROGRESS,
    media=MediaState.CONNECTED,
    next_step=None,
    outcome=None,
    generation=1,
    person=None,
    is_closed=False,
)
PERSON = "+18005550199"

states = st.builds(
    CallState,
    status=st.sampled_from(CallStatus),
    media=st.sampled_from(MediaState),
    next_step=st.none() | st.sampled_from(NextStep),
    outcome=st.none() | st.sampled_from(Outcome),
    generation=st.integers(1, MOST_GENERATIONS),
    person=st.none() | st.just(PERSON),
    is_closed=st.booleans(),
    takes_messages=st.booleans(),
    transfer=st.none() | st.sampled_from(TransferOutcome),
    transfer_mode=st.sampled_from(TransferMode),
    transport=st.sampled_from(Transport),
)
handoffs = st.builds(
    Handoff,
    generation=st.integers(0, MOST_GENERATIONS),
    next_step=st.sampled_from(NextStep),
    outcome=st.sampled_from(Outcome),
)
relay_ends = st.builds(RelayEnd, handoff=st.none() | handoffs, provider_failed=st.booleans())
transitions: st.SearchStrategy[Callable[[CallState], CallState]] = st.one_of(
    st.tuples(st.integers(0, MOST_GENERATIONS), st.none() | relay_ends).map(
        lambda end: lambda state: after_stream(state, *end)
    ),
    st.sampled_from(TransferOutcome).map(lambda outcome: lambda state: after_dial(state, outcome)),
    st.just(after_failure),
    st.sampled_from(NextStep).map(lambda step: lambda state: talked_to_the_end(state, step, Outcome.ANSWERED)),
    st.just(machine_answered),
    st.just(after_message),
)


@given(states, transitions)
def test_the_same_report_twice_changes_nothing_more(
    state: CallState, transition: Callable[[CallState], CallState]
) -> None:
    once = transition(state)
    twice = transition(once)
    assert twice == once
    assert answer(twice) == answer(once)


@given(states, st.lists(transitions, max_size=12))
def test_no_order_of_reports_connects_a_call_for_ever(
    state: CallState, reports: list[Callable[[CallState], CallState]]
) -> None:
    for report in reports:
        before = state
        state = report(state)
        assert before.generation <= state.generation <= MOST_GENERATIONS + 1
        assert state.status == before.status


@given(states, st.integers(0, MOST_GENERATIONS))
def test_who_is_promised_a_call_back_gets_a_ticket(state: CallState, ended: int) -> None:
    for after in (after_stream(state, ended), after_failure(state)):
        if answer(after) in (HangUp(Farewell.TROUBLE), TakeMessage(Farewell.TROUBLE)) and after != state:
            assert after.outcome in (Outcome.REFUSED, Outcome.FOLLOW_UP)
    dialled = after_dial(state, TransferOutcome.NO_ANSWER)
    if dialled != state:
        assert dialled.outcome is Outcome.FOLLOW_UP


@given(states)
def test_after_a_failure_the_line_is_never_silent_unless_the_goodbye_was_said(state: CallState) -> None:
    after = after_failure(state)
    said_goodbye = state.media is MediaState.FINISHED and state.next_step is NextStep.HANG_UP
    if not state.is_over and not said_goodbye:
        found = answer(after)
        assert isinstance(found, PutThrough | TakeMessage) or found == HangUp(Farewell.TROUBLE)


def walked(state: CallState, ended: int) -> tuple[CallState, Answer]:
    after = after_stream(state, ended)
    return after, answer(after)


@pytest.mark.parametrize("media", [MediaState.EXPECTED, MediaState.CONNECTED, MediaState.LOST])
def test_three_losses_are_survived_and_the_fourth_is_led_by_the_gateway(media: MediaState) -> None:
    state, found = walked(replace(TALKING, media=media), 1)
    assert found == Connect(2)
    for ended in (2, 3):
        state, found = walked(replace(state, media=media), ended)
        if media is MediaState.EXPECTED:  # nobody took this one either
            assert found == Wait(ended - 1, (), goes_on=True)
            state = after_round(state, ended - 1, "")
            found = answer(state)
        assert found == Connect(ended + 1)
    state, found = walked(replace(state, media=media), 4)
    assert found == TalkPlainly()
    assert state.generation == 5
    assert walked(state, 4) == (state, TalkPlainly())


def test_a_repeat_of_an_older_end_gets_the_present_stream() -> None:
    second = after_stream(TALKING, 1)
    assert walked(second, 1) == (second, Connect(2))
    talking_again = replace(second, media=MediaState.CONNECTED)
    assert walked(talking_again, 1) == (talking_again, Connect(2))


@pytest.mark.parametrize(
    ("next_step", "person", "outcome", "expected"),
    [
        (NextStep.HANG_UP, PERSON, Outcome.ANSWERED, HangUp(Farewell.NONE)),
        (NextStep.TRANSFER, PERSON, Outcome.FOLLOW_UP, PutThrough(PERSON, apologising=False)),
        (NextStep.TRANSFER, None, Outcome.REFUSED, HangUp(Farewell.TROUBLE)),
        (NextStep.APOLOGISE, PERSON, Outcome.REFUSED, PutThrough(PERSON, apologising=True)),
        (NextStep.APOLOGISE, None, Outcome.REFUSED, HangUp(Farewell.TROUBLE)),
        (None, None, Outcome.REFUSED, HangUp(Farewell.TROUBLE)),
    ],
)
def test_a_finished_conversation_stands(
    next_step: NextStep | None, person: str | None, outcome: Outcome, expected: Answer
) -> None:
    finished = replace(TALKING, media=MediaState.FINISHED, next_step=next_step, person=person, outcome=Outcome.ANSWERED)
    state, found = walked(finished, 1)
    assert found == expected
    assert state.outcome is outcome


@pytest.mark.parametrize("status", [status for status in CallStatus if status.is_final])
def test_a_call_that_is_over_is_not_connected_again(status: CallStatus) -> None:
    over = replace(TALKING, status=status)
    assert walked(over, 1) == (over, HangUp(Farewell.NONE))


def test_a_transfer_counts_when_somebody_took_the_call() -> None:
    ringing = replace(TALKING, media=MediaState.FINISHED, next_step=NextStep.TRANSFER, person=PERSON)
    taken = after_dial(ringing, TransferOutcome.ACCEPTED)
    assert (taken.outcome, answer_after_dial(taken)) == (Outcome.TRANSFERRED, HangUp(Farewell.NONE))
    alone = after_dial(ringing, TransferOutcome.BUSY)
    assert (alone.outcome, answer_after_dial(alone)) == (Outcome.FOLLOW_UP, HangUp(Farewell.NOBODY_FREE))


def test_the_result_of_a_dial_counts_when_the_caller_hung_up_first() -> None:
    gone = replace(
        TALKING, status=CallStatus.COMPLETED, media=MediaState.FINISHED, next_step=NextStep.TRANSFER, person=PERSON
    )
    assert after_dial(gone, TransferOutcome.ACCEPTED).outcome is Outcome.TRANSFERRED


def test_a_dial_that_nobody_asked_for_changes_nothing() -> None:
    assert after_dial(TALKING, TransferOutcome.ACCEPTED) == TALKING


def test_who_finds_nobody_may_leave_a_message_where_the_agent_takes_them() -> None:
    ringing = replace(
        TALKING, media=MediaState.FINISHED, next_step=NextStep.TRANSFER, person=PERSON, takes_messages=True
    )
    alone = after_dial(ringing, TransferOutcome.VOICEMAIL)
    assert answer_after_dial(alone) == answer(alone) == TakeMessage(Farewell.NOBODY_FREE)
    assert answer_after_message(after_message(alone)) == HangUp(Farewell.MESSAGE_TAKEN)
    gone = after_dial(replace(ringing, status=CallStatus.COMPLETED), TransferOutcome.CALLER_LEFT)
    assert answer_after_dial(gone) == HangUp(Farewell.NONE)
    assert answer_after_dial(after_dial(ringing, TransferOutcome.ACCEPTED)) == HangUp(Farewell.NONE)
    lost = after_failure(replace(TALKING, takes_messages=True))
    assert answer(lost) == TakeMessage(Farewell.TROUBLE)
    # a message that was left ends the call: nobody must wait for hours to see whether somebody is still talking
    assert after_message(lost).next_step is NextStep.HANG_UP


@given(states)
def test_an_operator_puts_a_call_through_whatever_its_voice_process_does(state: CallState) -> None:
    after = pulled(state)
    assert pulled(after) == after
    if not state.is_over and state.person is not None:
        found = answer(after)
        assert isinstance(found, PutThrough)
        assert not found.apologising
        assert found.warm == (state.transfer_mode is TransferMode.WARM)
    else:
        assert after == state


RELAYED = replace(TALKING, transport=Transport.CONVERSATION_RELAY)


def test_a_session_that_was_cut_is_connected_again_the_same_way() -> None:
    after = after_stream(RELAYED, 1, RelayEnd())
    assert answer(after) == Connect(2, Transport.CONVERSATION_RELAY)


@pytest.mark.parametrize(
    ("state", "end"),
    [
        (replace(RELAYED, media=MediaState.EXPECTED), RelayEnd()),
        (replace(RELAYED, media=MediaState.EXPECTED), None),
        (RELAYED, RelayEnd(provider_failed=True)),
    ],
)
def test_a_session_that_cannot_succeed_is_followed_by_a_media_stream(state: CallState, end: RelayEnd | None) -> None:
    after = after_stream(state, 1, end)
    assert answer(after) == Connect(2, Transport.MEDIA_STREAMS)
    assert after_stream(after, 1, end) == after


def test_what_was_handed_back_counts_when_the_row_does_not_know_it_yet() -> None:
    end = RelayEnd(Handoff(generation=1, next_step=NextStep.TRANSFER, outcome=Outcome.TRANSFERRED))
    after = after_stream(replace(RELAYED, person=PERSON), 1, end)
    assert answer(after) == PutThrough(PERSON, apologising=False)
    assert after.outcome is Outcome.FOLLOW_UP  # until somebody took the call
    stored = replace(RELAYED, media=MediaState.FINISHED, next_step=NextStep.HANG_UP, outcome=Outcome.ANSWERED)
    assert after_stream(stored, 1, end) == stored
    older = RelayEnd(Handoff(generation=1, next_step=NextStep.HANG_UP, outcome=Outcome.ANSWERED))
    assert after_stream(replace(RELAYED, generation=2), 2, older).media is MediaState.EXPECTED


@pytest.mark.parametrize(
    ("fields", "end"),
    [
        ({}, None),
        ({"SessionStatus": "paused"}, None),
        ({"SessionStatus": "completed"}, RelayEnd()),
        ({"SessionStatus": "failed", "ErrorCode": "39001"}, RelayEnd()),
        ({"SessionStatus": "failed", "ErrorCode": "64106"}, RelayEnd(provider_failed=True)),
        ({"SessionStatus": "failed"}, RelayEnd()),
        ({"SessionStatus": "ended", "HandoffData": '{"reason": "The caller wants a person"}'}, RelayEnd()),
        ({"SessionStatus": "ended", "HandoffData": "not JSON"}, RelayEnd()),
        ({"SessionStatus": "ended"}, RelayEnd()),
        (
            {
                "SessionStatus": "ended",
                "HandoffData": '{"generation":2,"next_step":"hang_up","outcome":"answered"}',
            },
            RelayEnd(Handoff(generation=2, next_step=NextStep.HANG_UP, outcome=Outcome.ANSWERED)),
        ),
    ],
)
def test_the_end_of_a_session_as_twilio_reports_it(fields: dict[str, str], end: RelayEnd | None) -> None:
    assert read_relay_end(fields) == end
