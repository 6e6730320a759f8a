from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voice.hearing.end_of_turn import (
    FINALIZE_S,
    HINT_S,
    LONGEST_S,
    MOST_HINTS_S,
    SPELLING_S,
    STALLED_S,
    UNFINISHED_S,
    Expects,
    TurnSoFar,
    Verdict,
    begin_anew,
    on_heard,
    on_time,
)
from services.voice.hearing.ports import Final, Heard, Interim, LikelyEnd, SpeechStarted, UtteranceEnded, WentOn
from shared.conversation.ports import Expectation

ANYTHING = Expects(Expectation.ANYTHING, lambda _: True)
HANGING = Expects(Expectation.ANYTHING, lambda text: not text.endswith("and"))
SPELLING = Expects(Expectation.EMAIL, lambda text: ".com" in text)


def turns_of(
    script: Iterable[tuple[float, Heard]], expects: Expects = ANYTHING, until: float = 120.0
) -> tuple[list[tuple[float, str]], list[float]]:
    """Every decided turn with its moment, and every moment at which finals were asked for."""
    turn, decided, asked = TurnSoFar(), [], []

    def follow(verdict: Verdict, now: float) -> None:
        nonlocal turn
        if verdict is Verdict.OVER:
            decided.append((round(now, 3), turn.text))
            turn = begin_anew(turn)
        elif verdict is Verdict.FINALIZE:
            asked.append(round(now, 3))

    def pass_time(to: float) -> None:
        nonlocal turn
        while (due := turn.due_at) is not None and due <= to:
            turn, verdict = on_time(turn, expects, due)
            follow(verdict, due)

    for at, event in script:
        pass_time(at)
        turn, verdict = on_heard(turn, event, expects, at)
        follow(verdict, at)
    pass_time(until)
    return decided, asked


def test_a_sentence_in_pieces_is_one_turn_and_the_late_utterance_end_is_ignored() -> None:
    script: list[tuple[float, Heard]] = [
        (1.2, SpeechStarted()),
        (2.0, Interim("my order", 2.0)),
        (3.1, Final("My order has", ends_utterance=False, spoken_until=3.1)),
        (4.3, Final("not arrived.", ends_utterance=True, spoken_until=3.9)),
        (4.9, UtteranceEnded(4.9 - 1.0)),
    ]
    assert turns_of(script) == ([(4.3, "My order has not arrived.")], [])


def test_in_noise_the_gap_between_words_ends_the_turn() -> None:
    script: list[tuple[float, Heard]] = [
        (2.0, Interim("my order", 2.0)),
        (3.1, Final("My order has", ends_utterance=False, spoken_until=3.1)),
        (4.3, Final("not arrived.", ends_utterance=False, spoken_until=3.9)),
        (4.9, UtteranceEnded(4.9 - 1.0)),
    ]
    assert turns_of(script) == ([(4.9, "My order has not arrived.")], [])


def test_an_empty_final_with_the_end_ends_what_was_said_before() -> None:
    script: list[tuple[float, Heard]] = [
        (1.0, Final("Yes.", ends_utterance=False, spoken_until=0.9)),
        (1.4, Final("", ends_utterance=True, spoken_until=1.4)),
    ]
    assert turns_of(script) == ([(1.4, "Yes.")], [])


def test_noise_that_was_taken_for_a_word_is_nobodys_turn() -> None:
    script: list[tuple[float, Heard]] = [
        (1.0, Interim("uh", 1.0)),
        (1.5, Final("", ends_utterance=True, spoken_until=1.5)),
    ]
    assert turns_of(script) == ([], [])


def test_when_both_detectors_stay_silent_we_ask_for_finals_and_then_decide() -> None:
    script: list[tuple[float, Heard]] = [(1.0, Final("My number is five", ends_utterance=False, spoken_until=1.0))]
    assert turns_of(script) == ([(1.0 + STALLED_S + FINALIZE_S, "My number is five")], [1.0 + STALLED_S])


def test_the_answer_to_finalize_decides_at_once() -> None:
    script: list[tuple[float, Heard]] = [
        (1.0, Interim("five five", 1.0)),
        (2.2, UtteranceEnded(2.2 - 1.0)),
        (2.3, Final("5 5", ends_utterance=False, spoken_until=1.0)),
    ]
    assert turns_of(script) == ([(2.3, "5 5")], [2.2])


def test_a_gap_before_other_words_says_nothing_about_these() -> None:
    script: list[tuple[float, Heard]] = [
        (4.6, Interim("and", 4.6)),
        (4.6, UtteranceEnded(3.4)),
        (5.6, Interim("and then it", 5.5)),
        (6.0, Final("and then it died.", ends_utterance=True, spoken_until=5.7)),
    ]
    assert turns_of(script) == ([(6.0, "and then it died.")], [])


def test_words_that_never_become_final_are_not_lost() -> None:
    script: list[tuple[float, Heard]] = [(1.0, Interim("hello there", 1.0))]
    assert turns_of(script) == ([(1.0 + STALLED_S + FINALIZE_S, "hello there")], [1.0 + STALLED_S])


def test_an_unfinished_sentence_gets_time_and_its_rest_belongs_to_it() -> None:
    begun = (1.0, Final("It blinks and", ends_utterance=True, spoken_until=0.7))
    rest = (1.9, Final("then it dies.", ends_utterance=True, spoken_until=1.8))
    assert turns_of([begun, rest], HANGING) == ([(1.9, "It blinks and then it dies.")], [])
    assert turns_of([begun], HANGING) == ([(1.0 + UNFINISHED_S, "It blinks and")], [])


def test_a_spelled_address_gets_more_time_than_a_sentence() -> None:
    first = (1.0, Final("jane dot doe", ends_utterance=True, spoken_until=0.7))
    rest = (3.2, Final("at example.com", ends_utterance=True, spoken_until=3.0))
    assert turns_of([first, rest], SPELLING) == ([(3.2, "jane dot doe at example.com")], [])
    assert turns_of([first], SPELLING) == ([(1.0 + SPELLING_S, "jane dot doe")], [])


def test_a_sound_buys_time_once() -> None:
    begun = (1.0, Final("It blinks and", ends_utterance=True, spoken_until=0.7))
    sounds = [(at, SpeechStarted()) for at in (2.0, 2.5, 2.9)]
    assert turns_of([begun, *sounds], HANGING) == ([(2.0 + HINT_S, "It blinks and")], [])


def test_sounds_buy_more_time_while_somebody_spells_but_not_for_ever() -> None:
    begun = (1.0, Final("jane dot doe", ends_utterance=True, spoken_until=0.7))
    sounds = [(1.0 + at / 2, SpeechStarted()) for at in range(80)]
    decided, _ = turns_of([begun, *sounds], SPELLING)
    assert decided == [(1.0 + SPELLING_S + MOST_HINTS_S, "jane dot doe")]


@pytest.mark.parametrize("said", ["It is A B 1", "five 5 5", "My code is Q, 7, X."])
def test_what_is_being_spelled_gets_time_whatever_was_asked_for(said: str) -> None:
    begun = (1.0, Final(said, ends_utterance=True, spoken_until=0.7))
    rest = (1.9, Final("2 2 done", ends_utterance=True, spoken_until=1.8))
    assert turns_of([begun, rest]) == ([(1.9, f"{said} 2 2 done")], [])
    assert turns_of([begun]) == ([(1.0 + UNFINISHED_S, said)], [])


@pytest.mark.parametrize("said", ["I have 2", "My order is 12345.", "Plan B", "I'd like a router"])
def test_a_single_letter_or_number_is_no_spelling(said: str) -> None:
    assert turns_of([(1.0, Final(said, ends_utterance=True, spoken_until=0.7))]) == ([(1.0, said)], [])


def test_half_an_address_is_waited_for_when_the_recogniser_stays_silent_too() -> None:
    script: list[tuple[float, Heard]] = [(1.0, Interim("jane dot doe", 1.0))]
    assert turns_of(script, SPELLING) == ([(1.0 + SPELLING_S, "jane dot doe")], [1.0 + STALLED_S])
    answered: list[tuple[float, Heard]] = [
        *script,
        (3.1, Final("jane dot doe", ends_utterance=False, spoken_until=1.0)),
        (4.5, Final("at example.com", ends_utterance=True, spoken_until=4.2)),
    ]
    assert turns_of(answered, SPELLING) == ([(4.5, "jane dot doe at example.com")], [1.0 + STALLED_S])


def test_a_final_that_comes_after_its_words_were_taken_is_not_a_second_turn() -> None:
    guess = (1.0, Interim("hello there", 1.0))
    taken_at = 1.0 + STALLED_S + FINALIZE_S
    for late in ("Hello there.", "Yellow hair."):
        final = (5.0, Final(late, ends_utterance=True, spoken_until=1.1))
        assert turns_of([guess, final])[0] == [(taken_at, "hello there")]
    more = (5.0, Final("Hello there, my router is dead.", ends_utterance=True, spoken_until=4.8))
    assert turns_of([guess, more])[0] == [(taken_at, "hello there"), (5.0, "my router is dead.")]
    other = (5.0, Final("My router is dead.", ends_utterance=True, spoken_until=4.8))
    assert turns_of([guess, other])[0] == [(taken_at, "hello there"), (5.0, "My router is dead.")]


def test_a_likely_end_is_a_guess_and_its_withdrawal_changes_nothing() -> None:
    script: list[tuple[float, Heard]] = [
        (1.6, LikelyEnd("I need help", 1.6)),
        (2.0, WentOn()),
        (2.0, Interim("I need help with", 2.0)),
        (2.8, LikelyEnd("I need help with billing.", 2.8)),
        (3.0, Final("I need help with billing.", ends_utterance=True, spoken_until=2.8)),
    ]
    assert turns_of(script) == ([(3.0, "I need help with billing.")], [])


def test_a_radio_does_not_keep_the_turn_open_for_ever() -> None:
    words = [(1.0 + at, Interim(f"word {at}", 1.0 + at)) for at in range(300)]
    decided, _ = turns_of(words, until=300)
    assert decided[0][0] <= 1.0 + LONGEST_S + 1


events = st.one_of(
    st.builds(Interim, st.sampled_from(["", "a", "b and"]), st.just(0.0)),
    st.builds(LikelyEnd, st.sampled_from(["a", "b and"]), st.just(0.0)),
    st.builds(Final, st.sampled_from(["", "c", "d and"]), st.booleans(), st.just(0.0)),
    st.builds(UtteranceEnded, st.just(0.0)),
    st.sampled_from([SpeechStarted(), WentOn()]),
)


def spoken_at(event: Heard, at: float) -> Heard:
    """The report of words that were spoken at this moment."""
    match event:
        case Interim() | LikelyEnd() | Final() | UtteranceEnded():
            return replace(event, spoken_until=at)
    return event


scripts = st.lists(st.tuples(st.floats(0, 3), events), max_size=40)


@given(scripts, st.sampled_from([ANYTHING, HANGING, SPELLING]))
def test_whatever_is_reported_every_final_word_is_in_exactly_one_turn_and_soon(
    script: list[tuple[float, Heard]], expects: Expects
) -> None:
    at, timed = 0.0, []
    for wait, event in script:
        at += wait
        timed.append((at, spoken_at(event, at)))
    decided, _ = turns_of(timed, expects, until=at + 20)
    said = " ".join(event.text for _, event in timed if isinstance(event, Final) and event.text)
    finals = [word for _, text in decided for word in text.split() if word in ("c", "d")]
    assert finals == [word for word in said.split() if word in ("c", "d")]
    assert all(text for _, text in decided)
    assert all(moment <= at + SPELLING_S + MOST_HINTS_S for moment, _ in decided)


@given(scripts)
def test_after_the_last_report_nothing_waits_longer_than_its_bound(script: list[tuple[float, Heard]]) -> None:
    turn, now = TurnSoFar(), 0.0
    for wait, event in script:
        now += wait
        turn, verdict = on_heard(turn, spoken_at(event, now), SPELLING, now)
        if verdict is Verdict.OVER:
            turn = begin_anew(turn)
    steps, began = 0, now
    while (due := turn.due_at) is not None:
        now = max(now, due)
        turn, verdict = on_time(turn, SPELLING, now)
        steps += 1
        assert steps < 5
        if verdict is Verdict.OVER:
            break
    assert now - began <= SPELLING_S + MOST_HINTS_S + STALLED_S + FINALIZE_S


@pytest.mark.parametrize("name", ["billing_department-deepgram.json", "vad-deepgram.json"])
def test_recorded_events_of_the_vendor_give_back_the_transcript(shared_data: Path, name: str) -> None:
    recorded = json.loads((shared_data / "peer_fixtures" / "stt_events" / name).read_text(encoding="utf-8"))
    script: list[tuple[float, Heard]] = []
    for row in recorded["events"]:
        data, at = row["data"], row["timestamp"]
        match data["type"]:
            case "Results":
                alternative = data["channel"]["alternatives"][0]
                text, words = alternative["transcript"], alternative["words"]
                ends = words[-1]["end"] if words else 0.0
                final = Final(text, data["speech_final"], ends)
                script.append((at, final if data["is_final"] else Interim(text, ends)))
            case "UtteranceEnd":
                script.append((at, UtteranceEnded(data["last_word_end"])))
            case "SpeechStarted":
                script.append((at, SpeechStarted()))
    decided, _ = turns_of(script)
    finals = [event.text for _, event in script if isinstance(event, Final) and event.text]
    assert " ".join(text for _, text in decided) == " ".join(finals)
    assert decided
