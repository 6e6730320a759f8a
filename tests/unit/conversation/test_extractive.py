"""What is read aloud of a passage when no model writes the answer."""

from __future__ import annotations

from uuid import UUID

from services.knowledge.domain.chunking import chunks_of
from shared.contracts.knowledge import Passage
from shared.conversation.models.extractive import extract
from shared.conversation.understanding.languages import words_of

WORDS = words_of("en").questions


def said(question: str, title: str, markdown: str) -> list[str]:
    [chunk] = chunks_of(title, markdown)
    passage = Passage(
        article_id=UUID(int=1), chunk_id="1", title=title, heading="", text=chunk.text, url=None, score=0.8
    )
    found = extract(question, [passage], WORDS)
    return [] if found is None else found[1]


def test_code_is_never_read_aloud() -> None:
    body = (
        "The upload may fail with this message:\n\n"
        "```\navrdude: butterfly_recv(): programmer is not responding\nYou may `reset` it now.\n```\n\n"
        "    ser_open(): can't open device\n\n"
        "Press the reset button twice and upload again."
    )
    spoken = said("avrdude programmer is not responding", "Error when uploading", body)
    assert spoken == ["Press the reset button twice and upload again."]


def test_an_article_of_code_alone_has_nothing_to_say() -> None:
    assert said("how do I list the boards?", "List the boards", "```\narduino-cli board list --all\n```") == []
