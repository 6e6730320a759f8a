"""What can be said about a conversation without a model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ticketing.domain.category import Category, category_by_words
from services.ticketing.domain.conversation import Caller
from services.ticketing.domain.extract import extract_summary, sentiment_by_words
from services.ticketing.domain.priority import Impact, Urgency, impact_by_words, priority_of, urgency_by_words
from services.ticketing.domain.summary import SUBJECT_LIMIT, Sentiment, SummaryOrigin, shorten
from shared.contracts.conversations import Outcome, Priority
from tests.unit.ticketing.heard import assistant, caller, conversation, router_call


def test_the_summary_of_a_call() -> None:
    summary = extract_summary(router_call())
    assert summary.origin is SummaryOrigin.EXTRACTIVE
    assert summary.subject == "My router keeps restarting every hour."
    assert summary.wish == "My router keeps restarting every hour."
    assert summary.text == (
        "The caller asked: “My router keeps restarting every hour.” The assistant answered from “Restart your router”. "
        "No answer was found to “Can you send an engineer today?”. The assistant promised: “I will open a ticket and a "
        "colleague will call you back.” A person must follow up."
    )
    assert summary.key_points[:2] == (
        "Can you send an engineer today? — no answer found",
        "How do I reset the router? — an answer was begun",
    )
    assert summary.promise == "I will open a ticket and a colleague will call you back."
    assert summary.category is Category.TECHNICAL
    assert summary.priority is Priority.HIGH


def test_a_promise_that_was_not_heard_was_not_made() -> None:
    said = "I will open a ticket for you."
    assert extract_summary(conversation(assistant(said))).promise == said
    assert extract_summary(conversation(assistant("I will", cut=True))).promise is None


def test_greetings_thanks_and_bare_answers_are_no_wish() -> None:
    turns = [caller(text) for text in ("Hello.", "Yes.", "Are you a robot?", "That is all, thank you.", "Bye!")]
    summary = extract_summary(conversation(*turns, outcome=Outcome.ABANDONED))
    assert summary.wish == "Not known: the caller hung up before saying it."
    assert summary.subject == "Call without a clear wish"
    assert summary.category is Category.UNSURE


def test_a_call_we_could_not_take_asks_for_a_call_back() -> None:
    summary = extract_summary(conversation(outcome=Outcome.REFUSED))
    assert summary.subject == "Call that could not be taken"
    assert "Call back" in summary.wish
    assert summary.priority is Priority.NORMAL


def test_the_subject_carries_no_contact_data() -> None:
    asked = caller("Please write to dana@example.test about the invoice, or call +1 312 555 0142")
    subject = extract_summary(conversation(asked, caller=Caller("+13125550142"))).subject
    assert "dana" not in subject
    assert "555" not in subject
    assert "invoice" in subject


@pytest.mark.parametrize(
    ("words", "category"),
    [
        ("My wifi is slow and the router shows an orange light", Category.TECHNICAL),
        ("I was charged twice on my last bill", Category.BILLING),
        ("I forgot my password and cannot log in to my account", Category.ACCOUNT),
        ("Where is my parcel, it should have been delivered", Category.ORDER),
        ("Can I reschedule the engineer visit", Category.APPOINTMENT),
        ("I want to cancel my contract", Category.CANCELLATION),
        ("What are your opening hours", Category.PRODUCT),
        ("Nobody called me, I want to complain to a manager", Category.COMPLAINT),
        ("Blue is my favourite colour", Category.UNSURE),
        ("", Category.UNSURE),
    ],
)
def test_categories_by_words(words: str, category: Category) -> None:
    assert category_by_words([words]) is category


@pytest.mark.parametrize(
    ("words", "outcome", "priority"),
    [
        ("How do I change my plan?", Outcome.ANSWERED, Priority.LOW),
        ("How do I change my plan?", Outcome.FOLLOW_UP, Priority.NORMAL),
        ("My internet is a bit slow", Outcome.FOLLOW_UP, Priority.NORMAL),
        ("I have no internet at all", Outcome.FOLLOW_UP, Priority.HIGH),
        ("I have no internet and need it today", Outcome.FOLLOW_UP, Priority.URGENT),
        ("I have no internet, no rush", Outcome.FOLLOW_UP, Priority.NORMAL),
        ("The router smells of burning", Outcome.ANSWERED, Priority.URGENT),
        ("This is ridiculous and unacceptable, you are useless!", Outcome.ABANDONED, Priority.LOW),
    ],
)
def test_priority_follows_impact_and_urgency_and_never_tone(words: str, outcome: Outcome, priority: Priority) -> None:
    assert priority_of(impact_by_words(words), urgency_by_words(words), outcome) is priority


@given(st.sampled_from(Impact), st.sampled_from(Urgency))
def test_more_urgent_is_never_less_important(impact: Impact, urgency: Urgency) -> None:
    order = list(Priority)
    now = order.index(priority_of(impact, urgency, Outcome.FOLLOW_UP))
    for worse in (
        priority_of(impact, Urgency.HIGH, Outcome.FOLLOW_UP),
        priority_of(Impact.DANGER, urgency, Outcome.FOLLOW_UP),
    ):
        assert order.index(worse) >= now


def test_sentiment_is_a_flag() -> None:
    assert sentiment_by_words("This is ridiculous, I am fed up") is Sentiment.NEGATIVE
    assert sentiment_by_words("Great, that is very helpful") is Sentiment.POSITIVE
    assert sentiment_by_words("My router restarts") is Sentiment.NEUTRAL


@given(st.text(max_size=500), st.integers(min_value=2, max_value=200))
def test_shorten_keeps_its_limit_and_one_line(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert "\n" not in short
    assert shorten(short, limit) == short


@given(st.lists(st.text(max_size=200), max_size=8))
def test_any_words_give_a_summary(words: list[str]) -> None:
    summary = extract_summary(conversation(*[caller(text) for text in words]))
    assert 0 < len(summary.subject) <= SUBJECT_LIMIT
    assert summary.text
    assert summary.wish
