from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voice.hearing.ports import Final, Heard, Interim, LikelyEnd, Lost, SpeechStarted, UtteranceEnded, WentOn
from services.voice.session.interruption import (
    COUGH_S,
    Do,
    Interruption,
    Ours,
    is_turn,
    on_heard,
    on_quiet,
    on_time,
)
from shared.conversation.understanding.backchannels import only_listens
from shared.conversation.understanding.languages import words_of

OURS = Ours(
    words="Unplug the router, wait ten seconds, and plug it in again.",
    is_question=False,
    is_protected=False,
    has_more=True,
)
ASKING = replace(OURS, words="Is there anything else I can help you with?", is_question=True)
PROTECTED = replace(OURS, words="Just so you know, I am an AI assistant.", is_protected=True)
ENDING = replace(OURS, has_more=False)


def listens(text: str) -> bool:
    return only_listens(text, words_of("en"))


def after(*events: Heard, ours: Ours = OURS) -> list[Do]:
    """What each report brings about, half a second apart."""
    state, done = Interruption(), []
    for place, event in enumerate(events):
        state, do = on_heard(state, event, ours, listens, place / 2)
        done.append(do)
    return done


def words(text: str) -> Interim:
    return Interim(text, 0.0)


def test_words_stop_us() -> None:
    assert after(words("My router")) == [Do.STOP]
    assert after(LikelyEnd("No.", 0.0)) == [Do.STOP]
    assert after(Final("Stop.", ends_utterance=True, spoken_until=0.0)) == [Do.STOP]


def test_the_first_sound_silences_us_and_words_then_stop_us() -> None:
    assert after(SpeechStarted(), words("My router")) == [Do.PAUSE, Do.STOP]


def test_a_listener_silences_us_for_as_long_as_they_speak() -> None:
    assert after(SpeechStarted(), words("mm-hm"), words("mm-hm okay")) == [Do.PAUSE, Do.NOTHING, Do.NOTHING]
    assert after(words("okay"), words("okay but"), words("okay but which")) == [Do.PAUSE, Do.STOP, Do.STOP]
    assert not is_turn("Mm-hm, okay.", OURS, listens)
    assert is_turn("Okay but which one?", OURS, listens)


def test_our_own_words_that_come_back_are_an_echo_when_they_are_enough() -> None:
    assert after(words("wait"), words("wait ten"), words("wait ten seconds")) == [Do.PAUSE, Do.NOTHING, Do.NOTHING]
    assert not is_turn("Wait, ten seconds.", OURS, listens)
    assert is_turn("router", OURS, listens)
    assert is_turn("seconds ten wait", OURS, listens)


def test_an_answer_to_what_we_are_asking_is_one_however_short() -> None:
    assert after(words("okay"), ours=ASKING) == [Do.STOP]
    assert is_turn("Yes.", ASKING, listens)


def test_at_the_end_nothing_is_worth_a_pause() -> None:
    assert after(SpeechStarted(), words("okay"), ours=ENDING) == [Do.NOTHING, Do.STOP]


def test_what_is_protected_is_said_to_its_end() -> None:
    assert after(SpeechStarted(), words("stop"), words("stop it"), ours=PROTECTED) == [Do.NOTHING] * 3


@pytest.mark.parametrize("event", [UtteranceEnded(0.0), words(""), Final("", ends_utterance=True, spoken_until=0.0)])
def test_reports_without_sound_or_words_do_nothing(event: Heard) -> None:
    assert after(event, WentOn(), Lost("x")) == [Do.NOTHING] * 3


def test_a_cough_lets_us_go_on_and_the_next_one_is_ignored() -> None:
    state, do = on_heard(Interruption(), SpeechStarted(), OURS, listens, 1.0)
    assert do is Do.PAUSE
    assert on_quiet(state) == (state, Do.NOTHING)  # words may still come
    assert on_time(state, 1.0 + COUGH_S / 2) == (state, Do.NOTHING)
    state, do = on_time(state, 1.0 + COUGH_S)
    assert do is Do.RESUME
    assert on_heard(state, SpeechStarted(), OURS, listens, 3.0) == (state, Do.NOTHING)
    assert on_heard(state, words("stop"), OURS, listens, 3.5)[1] is Do.STOP


def test_a_listener_who_has_finished_lets_us_go_on_each_time() -> None:
    state = Interruption()
    for _ in range(3):
        state, do = on_heard(state, words("mm-hm"), OURS, listens, 1.0)
        assert do is Do.PAUSE
        state, do = on_quiet(state)
        assert (state.is_paused, do) == (False, Do.RESUME)


reports = st.sampled_from(
    [SpeechStarted(), words("okay"), words("wait ten seconds"), words("stop"), UtteranceEnded(0.0)]
)
situations = st.sampled_from([OURS, ASKING, ENDING, PROTECTED])


@given(st.lists(st.tuples(reports, situations)))
def test_no_pause_lasts_for_ever(steps: list[tuple[Heard, Ours]]) -> None:
    """Paused, either time alone ends it, or the end of the caller's utterance does, which has a bound of its own."""
    state, is_paused = Interruption(), False
    for place, (event, ours) in enumerate(steps):
        state, do = on_heard(state, event, ours, listens, place / 10)
        assert not (do is Do.PAUSE and is_paused)
        is_paused = {Do.PAUSE: True, Do.STOP: False, Do.RESUME: False}.get(do, is_paused)
        assert state.is_paused == is_paused
        _, later = on_time(state, 1e9) if state.resume_at is not None else on_quiet(state)
        assert (later is Do.RESUME) == is_paused
