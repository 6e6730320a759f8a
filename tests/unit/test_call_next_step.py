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
    after_dial,
    after_failure,
    after_message,
    after_stream,
    answer,
    answer_after_dial,
    answer_after_message,
    machine_answered,
    pulled,
)
from shared.contracts.calls import CallStatus, MediaState, NextStep, TransferMode, TransferOutcome
from shared.contracts.conversations import Outcome

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
)
transitions: st.SearchStrategy[Callable[[CallState], CallState]] = st.one_of(
    st.integers(0, MOST_GENERATIONS).map(lambda ended: lambda state: after_stream(state, ended)),
    st.sampled_from(TransferOutcome).map(lambda outcome: lambda state: after_dial(state, outcome)),
    st.just(after_failure),
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
        assert before.generation <= state.generation <= MOST_GENERATIONS
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
def test_a_lost_stream_is_connected_again_three_times_in_all(media: MediaState) -> None:
    state, found = walked(replace(TALKING, media=media), 1)
    assert found == Connect(2)
    state, found = walked(replace(state, media=media), 2)
    assert found == Connect(3)
    state, found = walked(replace(state, media=media), 3)
    assert found == HangUp(Farewell.TROUBLE)
    assert state.outcome is Outcome.REFUSED


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
    lost = after_stream(replace(TALKING, generation=MOST_GENERATIONS, takes_messages=True), MOST_GENERATIONS)
    assert answer(lost) == TakeMessage(Farewell.TROUBLE)


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
