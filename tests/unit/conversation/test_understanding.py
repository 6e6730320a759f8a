"""What callers' words mean: answers, questions, endings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.conversation.ports import Expectation
from shared.conversation.understanding.answers import Meaning, understand
from shared.conversation.understanding.endings import sounds_complete
from shared.conversation.understanding.languages import words_of
from shared.conversation.understanding.questions import queries_for

WORDS = words_of("en")


def meaning(said: str) -> Meaning:
    return understand(said, WORDS)


@pytest.mark.parametrize(
    "said",
    [
        "I want to talk to a person",
        "agent",
        "a human please",
        "can I speak to someone in billing please",
        "Could you put me through to your manager?",
        "I don't want to talk to a machine",
        "get me a real person",
        "I'd like somebody to call me back",
        "call me back please",
        "is there an operator",
    ],
)
def test_a_wish_for_a_person_is_heard(said: str) -> None:
    assert meaning(said).person


@pytest.mark.parametrize(
    "said",
    [
        "how do I add a person to my account",
        "I want to add a person to my plan",
        "someone called me yesterday about an offer",
        "use the library manager",
        "my manager changed the password of the router",
        "can you send an engineer to my house",
        "the agent of the network protocol does not start on my server",
    ],
)
def test_people_in_a_question_are_no_wish_for_one(said: str) -> None:
    assert not meaning(said).person


@pytest.mark.parametrize(
    "said",
    [
        "no",
        "No, thank you.",
        "that's all",
        "nothing else, thanks",
        "no that's it bye",
        "I'm good",
        "not really",
        "nope",
    ],
)
def test_declining_more_help_is_heard(said: str) -> None:
    assert meaning(said).wants_no_more


@pytest.mark.parametrize(
    "said",
    [
        "no, my other router is broken too",
        "no how do I change my password",
        "it's not working",
        "no it still doesn't work",
        "is that all I need to do to cancel the contract?",
    ],
)
def test_a_no_that_goes_on_is_no_farewell(said: str) -> None:
    assert not meaning(said).wants_no_more


@pytest.mark.parametrize(
    "said", ["I have a problem", "it's not working", "I have a question", "I need help", "can you help me"]
)
def test_a_problem_without_a_name_is_vague(said: str) -> None:
    assert meaning(said).vague


@pytest.mark.parametrize(
    "said",
    [
        "how do I reset my router?",
        "my internet is really slow",
        "I would like to close my account please",
        "orange light on router",
        "what are your opening hours",
        "do you offer static IP addresses for business lines?",
    ],
)
def test_a_question_is_one(said: str) -> None:
    heard = meaning(said)
    assert heard.is_question
    assert not heard.vague


@pytest.mark.parametrize("said", ["are you a robot?", "am I speaking to a real person", "is this a recording"])
def test_the_question_whether_it_is_an_ai_is_heard(said: str) -> None:
    assert meaning(said).are_you_human


@given(st.text(max_size=300))
def test_any_text_has_a_meaning(said: str) -> None:
    assert isinstance(meaning(said).is_empty, bool)


def test_a_follow_up_is_looked_up_with_what_it_is_about() -> None:
    said = "and how long does it take?"
    queries = queries_for(said, meaning(said), "Restart your router", WORDS)
    assert queries == ("Restart your router. and how long does it take?", said)


def test_a_question_of_its_own_is_looked_up_alone_first() -> None:
    said = "how do I change the billing date of my contract"
    assert queries_for(said, meaning(said), "Restart your router", WORDS)[0] == said


def test_contact_data_does_not_go_into_a_query() -> None:
    said = "my address is jane.doe@example.com, why is my bill so high"
    assert "jane" not in queries_for(said, meaning(said), "", WORDS)[0]


@pytest.mark.parametrize(
    ("text", "expects", "complete"),
    [
        ("how do I reset my router", Expectation.ANYTHING, True),
        ("I would like to", Expectation.ANYTHING, False),
        ("my router is broken and", Expectation.ANYTHING, False),
        ("I wanted to ask, um,", Expectation.ANYTHING, False),
        ("what?", Expectation.ANYTHING, True),
        ("yes it is", Expectation.YES_OR_NO, True),
        ("yes", Expectation.YES_OR_NO, True),
        ("no", Expectation.YES_OR_NO, False),
        ("no it's d as in delta", Expectation.YES_OR_NO, True),
        ("jane dot doe at", Expectation.EMAIL, False),
        ("jane dot doe", Expectation.EMAIL, False),
        ("j a n e", Expectation.EMAIL, False),
        ("jane at gmail", Expectation.EMAIL, False),
        ("jane at gmail dot com", Expectation.EMAIL, True),
        ("jane dot doe dot jr", Expectation.EMAIL, False),
        ("I'd rather not", Expectation.EMAIL, True),
        ("No, thank you. That's all.", Expectation.EMAIL, True),
        ("why do you need my address for that", Expectation.EMAIL, True),
        ("", Expectation.ANYTHING, False),
    ],
)
def test_a_turn_is_complete_when_it_sounds_so(text: str, expects: Expectation, complete: bool) -> None:
    assert sounds_complete(text, "", expects, WORDS) is complete


def test_pieces_of_an_address_complete_each_other() -> None:
    assert not sounds_complete("at gmail", "jane dot doe", Expectation.EMAIL, WORDS)
    assert sounds_complete("at gmail dot com", "jane dot doe", Expectation.EMAIL, WORDS)


@pytest.mark.parametrize("text", ["at gmail dot com", "at example dot org.", "example dot com."])
def test_nothing_follows_the_end_of_an_address_whose_beginning_was_lost(text: str) -> None:
    assert sounds_complete(text, "", Expectation.EMAIL, WORDS)


def test_a_caller_who_has_begun_to_spell_and_then_declines_is_done() -> None:
    assert sounds_complete("No, thank you. That's all.", "at example dot org", Expectation.EMAIL, WORDS)
