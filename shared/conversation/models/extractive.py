"""Answers without a model: the sentences of the passages that fit the question best, made speakable. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from shared.contracts.knowledge import Passage
from shared.conversation.spoken.sentences import SentenceSplitter
from shared.conversation.spoken.speakable import count_words, speakable
from shared.conversation.understanding.answers import bare
from shared.conversation.understanding.words import QuestionWords

MOST_SPOKEN_WORDS = 55
"""About twenty seconds of speech."""
MOST_SENTENCES = 4
FEW_WORDS = 3
"""A line this short is a heading or a label, not an answer."""

_ENDINGS = ("ings", "ing", "edly", "ies", "ied", "ers", "est", "ed", "es", "er", "ly", "s")
_CONTENTS_LINE = re.compile(r"^\s*(?:[-*+•]|\d{1,2}[.)])\s*\[[^\]]*\]\(#[^)]*\)\s*$")
"""A line of a table of contents."""
_CODE_LINE = re.compile(r"^\s*(`+).*\1\s*$")
"""A line that is code and nothing else: nobody understands it by ear."""
_NUMBERED = re.compile(r"^\s*(?:\d{1,2}[.)]|[a-z][.)])\s+")


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A rough stem: enough to match "restarting" with "restart"."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("e")


def stems(text: str, words: QuestionWords) -> frozenset[str]:
    """Stems of the words with content."""
    return frozenset(stem(word) for word in bare(text).split() if word not in words.function_words)


@lru_cache(maxsize=1_000)
def stems_of_passage(title: str, heading: str, text: str, words: QuestionWords) -> frozenset[str]:
    """The same of all that a passage says.

    Kept: each sentence of an answer is compared with every passage, and the same passages are found again and again.
    """
    return stems(f"{title} {heading} {text}", words)


def extract(
    question: str, passages: Sequence[Passage], words: QuestionWords, said: frozenset[str] = frozenset()
) -> tuple[Passage, list[str]] | None:
    """The passage that answers best and the sentences to say, or None when nothing in them can be said.

    Sentences in `said` are left out as long as others remain.
    """
    wanted = stems(question, words)
    for passage in sorted(passages, key=lambda passage: _worth(passage, wanted, words), reverse=True):
        whole = _sentences(passage.text)
        sentences = [sentence for sentence in whole if sentence not in said] or whole
        if not sentences:
            continue
        start = _start(sentences, passage, wanted, words)
        return passage, list(_window(sentences[start:]))
    return None


def _worth(passage: Passage, wanted: frozenset[str], words: QuestionWords) -> float:
    """The search's own score, corrected by how much of the question the passage speaks of."""
    told = stems_of_passage(passage.title, passage.heading, passage.text, words)
    return 0.7 * passage.score + 0.3 * _share(wanted, told)


def _share(wanted: frozenset[str], told: frozenset[str]) -> float:
    return len(wanted & told) / len(wanted) if wanted else 0.0


def _start(sentences: Sequence[str], passage: Passage, wanted: frozenset[str], words: QuestionWords) -> int:
    """Where to begin: at the top when the whole passage is about the question, else at the sentence that is."""
    about = stems(f"{passage.title} {passage.heading}", words)
    scores = [_share(wanted - about, stems(sentence, words)) for sentence in sentences]
    best = max(range(len(sentences)), key=lambda position: (scores[position], -position))
    return best if scores[best] > 0 and _share(wanted, about) < 0.99 else 0


def _window(sentences: Iterable[str]) -> Iterable[str]:
    spoken = 0
    for number, sentence in enumerate(sentences):
        spoken += count_words(sentence)
        if number and (spoken > MOST_SPOKEN_WORDS or number >= MOST_SENTENCES):
            return
        yield sentence


def _sentences(text: str) -> list[str]:
    """Speakable sentences, in order; headings, labels, code and tables of contents left out."""
    found = []
    for line in text.splitlines():
        if line.lstrip().startswith(("#", "|", "![")) or _CONTENTS_LINE.match(line) or _CODE_LINE.match(line):
            continue
        splitter = SentenceSplitter()
        for raw in (*splitter.feed(_NUMBERED.sub("", line) + "\n"), *splitter.flush()):
            sentence = speakable(raw)
            if count_words(sentence) >= FEW_WORDS and not sentence.endswith(":"):
                found.append(sentence if sentence[-1] in ".!?" else f"{sentence}.")
    return found
