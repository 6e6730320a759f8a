"""Nothing a conversation computes keeps a loop with a hundred other calls: each step at its largest, below 5 ms."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import uuid4

import orjson
import pytest

from shared.clock import SystemClock
from shared.contracts.conversations import Speaker
from shared.contracts.knowledge import Passage
from shared.conversation.assistant import Assistant
from shared.conversation.attribution import source_of
from shared.conversation.models.extractive import extract
from shared.conversation.state import LONGEST_HISTORY, MOST_QUESTIONS, ConversationState, Phase, Question, Utterance
from shared.conversation.understanding.languages import words_of
from tests.text_channel import Shelf, profile

MOST_S = 0.005
"""Seconds of this thread's processor time."""
TRIES = 5
"""Of which the best counts: caches are cold and clocks are low at times."""
LONG = "my router keeps restarting and the orange light is blinking since the update of yesterday evening " * 6
CHUNK = "Unplug the power cable, wait 30 seconds and plug it in again. See **My account > Network** for more. " * 10
WORDS = words_of("en").questions

STATE = ConversationState(
    phase=Phase.ANSWER,
    history=tuple(Utterance(Speaker.CALLER, LONG) for _ in range(LONGEST_HISTORY)),
    questions=tuple(Question(f"{LONG} {number}", found=True, answered=True) for number in range(MOST_QUESTIONS)),
    notice_heard=True,
)
PASSAGES = [
    Passage(article_id=uuid4(), chunk_id="c", title="Restart", heading="", text=f"{CHUNK}{number}", url=None, score=0.5)
    for number in range(5)
]


def checkpoint() -> None:
    orjson.dumps(STATE.to_json())


def resume() -> None:
    ConversationState.from_json(STATE.to_json())


def decide() -> None:
    assistant = Assistant(profile(), Shelf(), None, SystemClock(), STATE)
    assistant.reply_to(LONG).in_flight(0)


def find_sentences() -> None:
    extract("how do I restart my router when the light is orange", PASSAGES, WORDS)


def name_sources() -> None:
    source_of("Unplug the power cable, wait thirty seconds and plug it in again.", PASSAGES, WORDS)


@pytest.mark.parametrize("step", [checkpoint, resume, decide, find_sentences, name_sources])
def test_a_step_is_short(step: Callable[[], None]) -> None:
    taken = []
    for _ in range(TRIES):
        began = time.thread_time()
        step()
        taken.append(time.thread_time() - began)
    assert min(taken) < MOST_S
