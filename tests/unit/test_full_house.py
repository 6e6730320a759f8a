"""Who connects, who waits and who is told what else, over all states; and how many calls a process offers to take."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.webhooks.next_step import CallState, Connect, Farewell, HangUp, TakeMessage, Wait, answer
from services.gateway.webhooks.waiting import MOST_ROUNDS, after_round, seated, wants_slot
from services.voice.capacity.free_slots import LATE_S, Load, offer
from shared.admission.slots import NOTHING, Offer, Verdict
from shared.contracts.calls import CallStatus, MediaState, NextStep, WhenFull
from shared.contracts.conversations import Outcome
from shared.observability.loop_lag import TOO_LATE_S

RINGING = CallState(
    status=CallStatus.RINGING,
    media=MediaState.EXPECTED,
    next_step=None,
    outcome=None,
    generation=1,
    person=None,
    is_closed=False,
    when_full=tuple(WhenFull),
)
verdicts = st.sampled_from(Verdict)
profiles = st.lists(st.sampled_from(WhenFull), unique=True).map(tuple)
rounds = st.lists(st.tuples(verdicts, st.sampled_from(["", "1", "2", "7"])), max_size=MOST_ROUNDS + 3)


@given(profiles, verdicts, rounds)
def test_nobody_waits_for_ever_and_everybody_who_is_turned_away_gets_a_ticket(
    when_full: tuple[WhenFull, ...], first: Verdict, following: list[tuple[Verdict, str]]
) -> None:
    state = seated(replace(RINGING, when_full=when_full), first)
    for verdict, key in following:
        before = state
        state = after_round(state, state.rounds_waited, key)
        assert after_round(state, before.rounds_waited, key) == state
        if wants_slot(state):
            state = seated(state, verdict)
        assert state.rounds_waited <= MOST_ROUNDS
    if state.media is MediaState.FINISHED:
        assert state.outcome is Outcome.REFUSED
        assert isinstance(answer(state), HangUp | TakeMessage)
    if len(following) > MOST_ROUNDS:
        assert state.media is not MediaState.WAITING


def test_what_the_profile_allows_is_what_is_offered() -> None:
    waiting = seated(RINGING, Verdict.FULL)
    assert answer(waiting) == Wait(1, (WhenFull.CALL_BACK, WhenFull.VOICEMAIL))
    assert answer(after_round(waiting, 1, "1")) == HangUp(Farewell.NO_LINE_FREE)
    assert answer(after_round(waiting, 1, "2")) == TakeMessage(Farewell.NOBODY_FREE)
    only_waits = replace(waiting, when_full=(WhenFull.WAIT,))
    assert answer(only_waits) == Wait(1, ())
    assert wants_slot(after_round(only_waits, 1, "1"))
    voicemail = seated(replace(RINGING, when_full=(WhenFull.VOICEMAIL, WhenFull.CALL_BACK)), Verdict.FULL)
    assert (voicemail.next_step, voicemail.outcome) == (NextStep.TAKE_MESSAGE, Outcome.REFUSED)
    nothing = seated(replace(RINGING, when_full=()), Verdict.FULL)
    assert nothing.next_step is NextStep.CALL_BACK


def test_a_round_that_is_over_twice_counts_once() -> None:
    second = seated(after_round(seated(RINGING, Verdict.FULL), 1, ""), Verdict.FULL)
    assert second.rounds_waited == 2
    assert after_round(second, 1, "") == second
    assert after_round(second, 1, "1") == second


@pytest.mark.parametrize("verdict", [Verdict.ADMITTED, Verdict.UNKNOWN])
def test_who_has_a_slot_or_cannot_be_told_connects(verdict: Verdict) -> None:
    assert answer(seated(RINGING, verdict)) == Connect(1)


@pytest.mark.parametrize(
    ("load", "left"),
    [
        (Load(0, 0.0, draining=False), Offer(40, 40)),
        (Load(15, 0.001, draining=False), Offer(25, 25)),
        (Load(45, 0.001, draining=False), NOTHING),
        (Load(15, LATE_S, draining=False), Offer(12, 25)),
        (Load(15, TOO_LATE_S, draining=False), Offer(0, 25)),
        (Load(0, TOO_LATE_S, draining=False), Offer(40, 40)),
        (Load(0, 0.0, draining=True), NOTHING),
    ],
)
def test_a_late_loop_takes_fewer_new_calls_and_a_draining_one_none(load: Load, left: Offer) -> None:
    assert offer(40, load) == left
