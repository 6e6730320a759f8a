"""Conversations as tickets see them, for the tests of what is written from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.ticketing.domain.category import Category
from services.ticketing.domain.conversation import Caller, Conversation, Question, Said, Source
from services.ticketing.domain.summary import Sentiment, Summary, SummaryOrigin, VersionedSummary
from shared.contracts.conversations import Channel, Outcome, Priority, Speaker

BEGAN = datetime(2026, 11, 20, 8, 31, tzinfo=UTC)
MARKER = "call-ca0f3e5b7c9d1e2f3a4b5c6d7e8f9012"
RESTART = Source("Restart your router", "https://help.example/articles/54")


def caller(text: str, second: int = 0, **more: Any) -> Said:
    return Said(Speaker.CALLER, text, BEGAN + timedelta(seconds=second), **more)


def assistant(text: str, second: int = 0, **more: Any) -> Said:
    return Said(Speaker.ASSISTANT, text, BEGAN + timedelta(seconds=second), **more)


def conversation(*turns: Said, **more: Any) -> Conversation:
    known = Conversation(
        id=UUID("11111111-2222-4333-8444-555555555555"),
        channel=Channel.PHONE,
        channel_reference="CA0f3e5b7c9d1e2f3a4b5c6d7e8f9012",
        language="en-US",
        company="Fernway Internet",
        assistant="Fern",
        outcome=Outcome.FOLLOW_UP,
        caller=Caller("+13125550142"),
        started_at=BEGAN,
        ended_at=BEGAN + timedelta(seconds=95),
        turns=turns,
    )
    return replace(known, **more)


def router_call(**more: Any) -> Conversation:
    """A router that restarts, an answer that was cut, a promise, an address."""
    return conversation(
        assistant("Fernway Internet, I am an AI assistant. How can I help?", 0),
        caller("Hi, my router keeps restarting every hour. Can you send an engineer <today>?", 6),
        assistant("Hold the reset button for ten seconds, then", 12, cut=True, sources=(RESTART,)),
        caller("I did that.", 20),
        assistant("", 24, cut=True),
        assistant("I could not find that. I will open a ticket and a colleague will call you back.", 30),
        caller("dana at example dot test", 44, about_contact=True),
        caller("Card 4111 1111 1111 1111, thanks, bye.", 60),
        **{
            "caller": Caller("+13125550142", "Dana <b>Reyes</b>", "dana@example.test", email_confirmed=True),
            "questions": (
                Question("Can you send an engineer today?", found=False, answered=False),
                Question("How do I reset the router?", found=True, answered=False),
            ),
            "promise": "I will open a ticket and a colleague will call you back.",
            **more,
        },
    )


def summary(**more: Any) -> VersionedSummary:
    known = Summary(
        origin=SummaryOrigin.MODEL,
        subject="Router restarts every hour",
        text="The router restarts every hour & a reset did not help.",
        wish="An engineer today.",
        key_points=("Reset was tried.", "Wants a visit <today>."),
        promise="A colleague will call back.",
        category=Category.TECHNICAL,
        priority=Priority.HIGH,
        sentiment=Sentiment.NEUTRAL,
        model="gpt-6-luna",
    )
    return VersionedSummary(2, replace(known, **more))
