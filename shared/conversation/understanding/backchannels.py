"""Words that listeners say while somebody else speaks, which ask for nothing: "mm-hm", "okay", "I see"."""

from __future__ import annotations

from shared.conversation.understanding.answers import bare, understand
from shared.conversation.understanding.words import Words

MOST_WORDS = 3
"""A listener who says more has something to say."""


def only_listens(text: str, words: Words) -> bool:
    """Whether `text`, said while we speak, only tells that somebody listens.

    Thanks and farewells are no such thing: they tell us that we have said enough.
    """
    said, meaning = bare(text), understand(text, words)
    if len(said.split()) > MOST_WORDS or "?" in text:
        return False
    says_something = meaning.no or meaning.thanks or meaning.goodbye or meaning.done or meaning.person or meaning.wait
    return not says_something and (meaning.is_empty or bool(words.answers.acknowledges.search(said)))
