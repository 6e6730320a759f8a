"""Answers that were given before and may be given again: which questions they fit, and which are nobody's own. Pure.

Two questions share an answer when they are made of the same content words, ask in the same form, deny and count the
same, and, where their vectors are known, lie close together. Neither half is enough alone: figures in
docs/benchmarks.md.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import mul

from shared.contracts.agents import AgentProfile
from shared.contracts.knowledge import Passage
from shared.conversation.models.extractive import stems
from shared.conversation.ports import Asked
from shared.conversation.prompts.builder import rules_version
from shared.conversation.state import ConversationState
from shared.conversation.turns import Answer
from shared.conversation.understanding.answers import bare
from shared.conversation.understanding.contact_data import without_contact_data
from shared.conversation.understanding.words import Words

NEAR = 0.85
"""Cosine from which two questions of the same gist are one. Measured on banking77, HINT3 and CLINC150 with MiniLM."""
FEWEST_STEMS = 2
"""A question with fewer content words says too little to be known again."""
MOST_NUMBER_WORDS = 2
"""More spoken figures than this are somebody's number."""
_LONG_NUMBER = re.compile(r"\d(?:[\s.-]?\d){3,}")
_CAPITAL = re.compile(r"(?<![.!?…]\s)(?<!^)\b([A-Z][\w'-]+)")
"""A capital letter inside a sentence: a name."""


def asked_of(
    answer: Answer, state: ConversationState, words: Words, version: int | None, vector: str | None
) -> Asked | None:
    """The question in the form in which it is known again; None when it does not stand for itself.

    `version` and `vector` are what the search said.
    """
    if version is None or not _stands_alone(answer, state, words):
        return None
    gist = gist_of(answer.words, words)
    return Asked(answer.question, answer.words, gist, version, vector) if gist is not None else None


def _stands_alone(answer: Answer, state: ConversationState, words: Words) -> bool:
    """Whether a stranger who reads the question knows what it asks."""
    if answer.leans or not answer.is_sure or state.clarifying or state.open_words:
        return False
    told = words.questions.names_existence.sub(" ", answer.words).split()
    return not words.questions.pointers.intersection(told)


def gist_of(question: str, words: Words) -> str | None:
    """What questions that ask the same have in common; None for a question with too few content words.

    `question` in lower case, without punctuation and fillers.
    """
    table = words.questions
    told = words.answers.greeting.sub(" ", question).split()
    content = sorted(stems(" ".join(told), table))
    if len(content) < FEWEST_STEMS:
        return None
    parts = (
        content,
        next((word for word in told if word in table.asking_words), ""),
        sorted({word for word in told if word in table.telling_words}),
        any(word in table.denying_words for word in told),
        bool(table.interrogative.search(" ".join(told))),
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def is_impersonal(asked: Asked, profile: AgentProfile, passages: Sequence[Passage], words: Words) -> bool:
    """Whether nobody can be recognised by the question: no contact data, no number of one's own, no name.

    Names are capitals inside a sentence that neither the company nor its articles use.
    """
    text = asked.question
    if without_contact_data(text, words) != text or _LONG_NUMBER.search(text) or _tells_number(asked.words, words):
        return False
    known = bare(" ".join((profile.company, profile.name, *(f"{one.title} {one.text}" for one in passages)))).split()
    names = {bare(name) for name in _CAPITAL.findall(text)} - {"i", "im", "ive", "id", "ill"}
    return all(set(name.split()) <= set(known) for name in names)


def _tells_number(question: str, words: Words) -> bool:
    spelling = words.spelling
    figures = spelling.units.keys() | spelling.teens.keys() | spelling.tens.keys()
    return sum(word in figures for word in question.split()) > MOST_NUMBER_WORDS


def cosine(one: str, other: str) -> float:
    """Of two vectors as the knowledge room sends them; 0 when they are not of the same model."""
    left, right = array("b", base64.b64decode(one)), array("b", base64.b64decode(other))
    lengths = math.sqrt(sum(map(mul, left, left)) * sum(map(mul, right, right)))
    return sum(map(mul, left, right)) / lengths if lengths and len(left) == len(right) else 0.0


@dataclass(frozen=True, slots=True)
class Known:
    """A question that was answered, beside one that is asked."""

    words: str
    vector: str | None


def best_match(asked: Asked, known: Iterable[Known], *, near: bool) -> Known | None:
    """Which of the questions of the same gist this one is: the very same, or with `near` the closest by its vector."""
    candidates = list(known)
    for one in candidates:
        if one.words == asked.words:
            return one
    if not near or asked.vector is None:
        return None
    compared = [(cosine(asked.vector, one.vector), one) for one in candidates if one.vector is not None]
    likeness, closest = max(compared, key=lambda pair: pair[0], default=(0.0, None))
    return closest if likeness >= NEAR else None


def kin(profile: AgentProfile, model: str) -> str:
    """Names the answers that an agent may give again: changes with everything that shapes them but the articles."""
    shape = (
        str(profile.id),
        profile.language,
        profile.name,
        profile.company,
        profile.greeting,
        profile.instructions,
        profile.tone,
        profile.knowledge_collection,
        sorted(profile.tools),
        model,
        rules_version(),
    )
    return hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:32]
