"""What to look up for a question, in the light of what was talked about before."""

from __future__ import annotations

from shared.conversation.understanding.answers import Meaning, bare
from shared.conversation.understanding.contact_data import without_contact_data
from shared.conversation.understanding.words import Words

LONGEST_QUERY = 400
"""Characters of a query; the words at the end of a long utterance say what it was about."""
FEW = 2
"""Content words up to which a question may lean on the one before."""


def queries_for(said: str, meaning: Meaning, about: str, words: Words, *, continues: bool = False) -> tuple[str, ...]:
    """What to search for, the likeliest first; a second one is for when the first finds nothing.

    `about` is what was talked about before, or empty; `continues` says that the caller answers a question of ours about
    it. Contact data is taken out: a query may leave for an embedding.
    """
    alone = _without_fillers(said, words)
    if not about or not (continues or meaning.asks):
        return (_fitting(alone, words),)
    together = f"{about}. {alone}"
    few = len(meaning.substance) <= FEW
    leans = words.questions.follow_up.search(meaning.words) or any(
        word in words.questions.pointers for word in meaning.words.split()
    )
    first_together = continues or (few and (leans or not meaning.substance))
    pair = (together, alone) if first_together else (alone, together)
    return tuple(_fitting(query, words) for query in pair)


def may_be_question(said: str, words: Words) -> bool:
    """Whether words that are still being spoken look like something to look up. Cheap: asked for each guess at them."""
    return "?" in said or bool(words.questions.opens_question.search(bare(said)))


def _without_fillers(said: str, words: Words) -> str:
    kept = [word for word in said.split() if not words.answers.fillers.fullmatch(word.strip(",.?!").lower())]
    return " ".join(kept) or said


def _fitting(query: str, words: Words) -> str:
    return without_contact_data(query, words)[-LONGEST_QUERY:].strip()
