"""What is worth beginning before a turn is decided: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from services.voice.hearing.ports import Final, Heard, Interim, LikelyEnd, SpeechStarted, UtteranceEnded
from services.voice.session.guessing import (
    MOST_ANSWERS,
    MOST_SEARCHES,
    QUIET_S,
    UNCHANGED_S,
    Do,
    Guessed,
    on_report,
    words_of,
)

QUESTION = "How do I restart my router?"


@dataclass
class Judgement:
    """Finds questions by their first word, unfinished sentences by their last; counts how often it was asked."""

    asked: int = 0

    def may_be_question(self, text: str) -> bool:
        self.asked += 1
        return text.startswith("How")

    def sounds_complete(self, text: str) -> bool:
        self.asked += 1
        return not text.endswith(("my", "and"))


def interim(text: str, quiet_s: float = 0.0) -> tuple[str, Heard]:
    return text, Interim(text, 0.0, quiet_s)


def decide(*reports: tuple[str, Heard | None], waits: bool = False, apart_s: float = 0.1) -> list[Do]:
    guessed, done = Guessed(), []
    for place, (text, event) in enumerate(reports):
        guessed, do = on_report(guessed, text, event, Judgement(), place * apart_s, waits=waits)
        done.append(do)
    return done


@pytest.mark.parametrize(
    ("report", "do"),
    [
        (interim("How do I"), Do.SEARCH),
        (interim("How do"), Do.NOTHING),
        (interim("How do I restart my"), Do.NOTHING),
        (interim("My name is Jane"), Do.NOTHING),
        (interim(QUESTION, QUIET_S), Do.ANSWER),
        (interim("How do I restart my", QUIET_S), Do.NOTHING),
        ((QUESTION, LikelyEnd(QUESTION, 0.0)), Do.ANSWER),
        ((QUESTION, Final(QUESTION, ends_utterance=False, spoken_until=0.0)), Do.ANSWER),
        ((QUESTION, UtteranceEnded(0.0)), Do.ANSWER),
        ((QUESTION, None), Do.ANSWER),
        (("", None), Do.NOTHING),
        ((QUESTION, SpeechStarted()), Do.SEARCH),
    ],
)
def test_one_report(report: tuple[str, Heard | None], do: Do) -> None:
    assert decide(report) == [do]


def test_words_that_stay_the_same_have_come_to_their_end() -> None:
    same = [interim(QUESTION), interim("how do I restart my router"), interim(QUESTION)]
    assert decide(*same, apart_s=UNCHANGED_S / 2) == [Do.SEARCH, Do.NOTHING, Do.ANSWER]


def test_the_same_words_are_answered_once() -> None:
    likely = (QUESTION, LikelyEnd(QUESTION, 0.0))
    assert decide(likely, likely, (QUESTION, None)) == [Do.ANSWER, Do.NOTHING, Do.NOTHING]


def test_an_unfinished_sentence_that_is_waited_for_is_tried_once() -> None:
    hanging = [(f"How do I {word} my", Final("", ends_utterance=True, spoken_until=0.0)) for word in ("take", "get")]
    assert decide(*hanging, waits=True) == [Do.ANSWER, Do.NOTHING]
    assert decide(*hanging) == [Do.NOTHING, Do.NOTHING]


def test_a_turn_begins_only_so_much() -> None:
    growing = ["How do I" + " go" * count for count in range(10)]
    assert decide(*map(interim, growing)).count(Do.SEARCH) == MOST_SEARCHES
    assert decide(*[interim(text, QUIET_S) for text in growing]).count(Do.ANSWER) == MOST_ANSWERS


def test_most_reports_ask_the_conversation_nothing() -> None:
    judge, guessed = Judgement(), Guessed()
    for place in range(40):
        guessed, _ = on_report(guessed, "How do I" + " go" * (place // 2), interim("x")[1], judge, 0.0, waits=False)
    assert judge.asked <= 2 * MOST_SEARCHES


def test_case_and_punctuation_are_not_compared() -> None:
    assert words_of("How do I, um, RESTART it?") == words_of("how do I um restart it.")
    assert words_of(" ... ") == ()
