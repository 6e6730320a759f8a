"""What is said while an answer is on its way: short, fitting what is being done, and not always the same. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from shared.conversation.phrases import Phrase, variants
from shared.conversation.turns import Answer
from shared.conversation.understanding.words import QuestionWords


def kind_of(answer: Answer, words: QuestionWords) -> Phrase:
    """What is being done for this question, in a caller's eyes."""
    if not answer.queries:
        return Phrase.THINKING
    return Phrase.CHECKING if words.wants_figure.search(answer.words) else Phrase.LOOKING_UP


def choose(language: str, kind: Phrase, said: Sequence[str]) -> str:
    """A sentence of this kind: one that was not `said` in this call, or the one that was said longest ago."""
    choices = variants(language, kind)
    latest = {text: place for place, text in enumerate(said)}
    return min(choices, key=lambda text: latest.get(text, -1))
