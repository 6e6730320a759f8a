"""The sources of an answer are the articles its words came from."""

from __future__ import annotations

from uuid import UUID

from shared.contracts.knowledge import Passage
from shared.conversation.attribution import source_of
from shared.conversation.understanding.languages import words_of

WORDS = words_of("en").questions


def passage(number: int, title: str, text: str) -> Passage:
    return Passage(
        article_id=UUID(int=number), chunk_id=str(number), title=title, heading="", text=text, url=None, score=0.9
    )


ROUTER = passage(1, "Restart your router", "Unplug the power cable, wait thirty seconds and plug it back in.")
LIGHT = passage(2, "What an orange light means", "An orange light means that there is no connection to our network.")
FEE = passage(3, "Late fee", "A fee of five dollars is added when a bill is paid late.")
ALL = (FEE, ROUTER, LIGHT)


def source(sentence: str) -> Passage | None:
    return source_of(sentence, ALL, WORDS)


def test_a_sentence_is_traced_to_the_passage_that_holds_its_words() -> None:
    assert source("Unplug its power cable, wait thirty seconds, and plug it back in.") is ROUTER
    assert source("The orange light means your router has no connection to the network.") is LIGHT
    assert source("Paying a bill late adds a fee.") is FEE


def test_small_talk_and_foreign_matter_have_no_source() -> None:
    assert source("Sure, happy to help.") is None
    assert source("The weather in Lisbon is lovely this autumn.") is None
    assert source_of("Unplug the power cable.", (), WORDS) is None


def test_of_two_that_hold_it_the_better_ranked_is_named() -> None:
    twin = passage(4, "Restart your router", ROUTER.text)
    assert source_of("Unplug the power cable and wait.", (ROUTER, twin), WORDS) is ROUTER
