"""A model's summary says only what was heard."""

from __future__ import annotations

import pytest

from services.ticketing.domain.conversation import Caller
from services.ticketing.domain.model_summary import ModelSummary, accepted, dialogue
from services.ticketing.domain.summary import Sentiment, SummaryOrigin
from services.ticketing.domain.support import numbers_in, supported
from shared.contracts.conversations import Outcome, Priority
from tests.unit.ticketing.heard import assistant, caller, conversation, router_call

HEARD = (
    "My router restarts every two hours since version 2.4. I paid twelve fifty on the third of May at seven thirty. "
    "Order five five oh one two. It cost 1,250 dollars. Write to dana@example.test. See help.example.test/reset."
)


@pytest.mark.parametrize(
    "sentence",
    [
        "It restarts every 2 hours.",
        "Since version 2.4 it restarts.",
        "The caller paid 12.50 on May 3 at 7:30.",
        "Order 55012 is concerned.",
        "It cost 1250 dollars.",
        "Write to Dana@Example.test.",
        "The page help.example.test/reset was named.",
        "There were 2 questions.",
        "The router restarts.",
    ],
)
def test_what_was_heard_stays(sentence: str) -> None:
    assert supported(sentence, HEARD) == sentence


@pytest.mark.parametrize(
    "sentence",
    [
        "It restarts every 9 hours.",
        "Since version 2.5 it restarts.",
        "Order 55013 is concerned.",
        "It cost 12500 dollars.",
        "Write to dan@example.test.",
        "Write to dana@example.com.",
        "See https://evil.test/reset.",
        "A credit of 40 dollars was agreed.",
    ],
)
def test_what_nobody_said_goes_with_its_sentence(sentence: str) -> None:
    assert supported(f"The router restarts. {sentence} It was reset.", HEARD) == "The router restarts. It was reset."


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("ten seconds", "10"),
        ("twenty six days", "26"),
        ("two hundred and five", "205"),
        ("three thousand four hundred", "3400"),
        ("double one two four", "124"),
        ("nineteen ninety nine", "1999"),
        ("oh two oh", "020"),
        ("on the twentieth", "20"),
    ],
)
def test_spoken_numbers(text: str, number: str) -> None:
    assert number in set(numbers_in(text))


ANSWER = ModelSummary.model_validate(
    {
        "subject": "Router restarts",
        "summary": "The router restarts every hour. A credit of 40 dollars was promised.",
        "wish": "An engineer.",
        "key_points": ["Reset was tried.", "Call 555 0199."],
        "category": "technical-problem",
        "impact": "hindered",
        "urgency": "high",
        "sentiment": "neutral",
    }
)


def test_the_models_summary_without_its_inventions() -> None:
    summary = accepted(ANSWER, router_call(), "gpt-6-luna")
    assert summary is not None
    assert summary.origin is SummaryOrigin.MODEL
    assert summary.text == "The router restarts every hour."
    assert summary.key_points == ("Reset was tried.",)
    assert summary.priority is Priority.HIGH
    assert summary.sentiment is Sentiment.NEUTRAL


def test_the_promise_is_the_one_on_record() -> None:
    summary = accepted(ANSWER, router_call(), "gpt-6-luna")
    assert summary is not None
    assert summary.promise == "I will open a ticket and a colleague will call you back."
    without = accepted(ANSWER, conversation(caller("My router restarts every hour, reset did not help.")), "m")
    assert without is not None
    assert without.promise is None


def test_nothing_but_inventions_is_no_summary() -> None:
    invented = ANSWER.model_copy(update={"summary": "The bill is 900 dollars."})
    assert accepted(invented, router_call(), "m") is None
    assert accepted(ANSWER, conversation(outcome=Outcome.SILENT), "m") is None


def test_no_contact_data_leaves_for_the_model() -> None:
    told = conversation(
        caller("I am calling from +13125550142, my mail is dana@example.test"),
        assistant("dana, spelled d a n a, at example dot test, is that right?", about_contact=True),
        caller("yes dana at example dot test", about_contact=True),
        caller("my card is 4111 1111 1111 1111 and my other number is five five five oh one nine nine"),
        caller=Caller("+13125550142", None, "dana@example.test", email_confirmed=True),
    )
    given = dialogue(told)
    for secret in ("dana", "3125550142", "4111", "five five five"):
        assert secret not in given
    assert "[email:confirmed]" in given
    assert "[phone:caller]" in given


def test_only_heard_words_are_given_to_the_model() -> None:
    given = dialogue(router_call())
    assert "then" in given
    assert '"cut": true' in given
    assert "not heard" not in given


def test_a_very_long_dialogue_keeps_its_ends() -> None:
    turns = [caller(f"turn {number} " + "word " * 50, number) for number in range(400)]
    given = dialogue(conversation(*turns))
    assert len(given) < 40_000
    assert "turn 0 " in given
    assert "turn 399 " in given


def test_placeholders_do_not_reach_the_ticket() -> None:
    answer = ANSWER.model_copy(
        update={"summary": "Write to [email:confirmed].", "wish": "A mail to [email:confirmed]."}
    )
    summary = accepted(answer, router_call(), "m")
    assert summary is not None
    assert summary.text == "Write to the confirmed e-mail address."
    assert "[" not in summary.wish
