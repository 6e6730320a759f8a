"""Which passage a sentence of an answer came from. Pure.

A model is given several passages and uses some. What a person reads in the ticket, and what hit rates count, are the
articles whose words the caller was told, not all that were found.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.contracts.knowledge import Passage
from shared.conversation.models.extractive import stems, stems_of_passage
from shared.conversation.understanding.words import QuestionWords

SUPPORT = 0.6
"""Share of a sentence's content words that a passage must hold to be its source."""
FEWEST_STEMS = 2
"""A sentence with fewer content words could come from anywhere."""


def source_of(sentence: str, passages: Sequence[Passage], words: QuestionWords) -> Passage | None:
    """The passage that holds most of the sentence's words, the better ranked on a tie; None when none holds enough."""
    told = stems(sentence, words)
    if len(told) < FEWEST_STEMS:
        return None
    shares = [
        len(told & stems_of_passage(passage.title, passage.heading, passage.text, words)) / len(told)
        for passage in passages
    ]
    best = max(shares, default=0.0)
    return passages[shares.index(best)] if best >= SUPPORT else None
