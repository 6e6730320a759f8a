"""A summary without a model: the caller's own sentences, the answers' sources, the promise. Pure and instant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from services.ticketing.domain.category import category_by_words
from services.ticketing.domain.conversation import Conversation, Question
from services.ticketing.domain.priority import impact_by_words, priority_of, urgency_by_words
from services.ticketing.domain.summary import SUBJECT_LIMIT, Sentiment, Summary, SummaryOrigin, shorten
from shared.contracts.conversations import Outcome
from shared.security.redaction import redact

MOST_POINTS = 6
LONGEST_POINT = 240

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_LEAD_IN = re.compile(
    r"^(?:(?:hi|hello|hey|good (?:morning|afternoon|evening)|yes|yeah|yep|no|nope|so|well|ok(?:ay)?|right|um+|uh+|er+"
    r"|ah|oh|please|thanks|thank you|actually|and|but|also|there|sure)\b[\s,.!-]*)+",
    re.IGNORECASE,
)
_SMALL_TALK = re.compile(
    r"(?:[^\w']*(?:"
    r"no|yes|yeah|yep|nope|ok|okay|that's|that|is|was|all|it|right|correct|fine|great|good|perfect|hello"
    r"|hi|hey|thanks|thank|you|very|much|so|i|see|got|alright|cheers|nothing|else|i'm|am|robot|a|person"
    r"|human|are|there|still|can|hear|me|never|mind|for|your|help|bye|goodbye|morning|afternoon|evening|be"
    r"|would"
    r")(?![\w']))*[^\w']*",
    re.IGNORECASE,
)
"""A sentence of nothing but these says nothing about the matter."""
_LEAVE_TAKING = ("thank", "bye", "goodbye", "good bye", "have a ")
_ASKS = re.compile(
    r"^(?:how|what|when|where|why|who|which|can|could|may|do|does|did|is|are|was|were|will|would|should|have|has)\b",
    re.IGNORECASE,
)
_WANTS = re.compile(
    r"\b(?:i(?:'d| would) like|i want|i need|i(?:'m| am) (?:trying|looking|calling)|i was (?:wondering|hoping)|please"
    r"|help me|my .{1,60} (?:is|are|does|do|has|have|keeps?|won't|can't|isn't|doesn't))\b",
    re.IGNORECASE,
)
_PROMISE = re.compile(
    r"\b(?:(?:i|we)(?:'ll| will)(?: now)? (?:open|create|raise|file|make|have|ask|arrange|pass|send|get|let|call)"
    r"|(?:someone|somebody|a colleague|a person|an agent|our team|the team)(?: \w+){0,3}(?: will|'ll))\b",
    re.IGNORECASE,
)
_GLAD = re.compile(r"\b(?:great|perfect|wonderful|excellent|very helpful|amazing|brilliant|love)\b", re.IGNORECASE)
_CROSS = re.compile(
    r"\b(?:annoy\w*|angry|upset|frustrat\w*|ridiculous|unacceptable|terrible|awful|useless|disappoint\w*|fed up|worst"
    r"|sick of|rude|complain\w*|nonsense|waste of time)\b",
    re.IGNORECASE,
)


def extract_summary(conversation: Conversation) -> Summary:
    """What can be said about the conversation from its own sentences."""
    sentences = list(_matters(conversation.caller_words))
    wish = _wish(sentences, conversation.questions)
    words = " ".join(conversation.caller_words)
    promise = promise_of(conversation)
    return Summary(
        origin=SummaryOrigin.EXTRACTIVE,
        subject=_subject(wish, conversation.outcome),
        text=_text(conversation, wish, promise),
        wish=wish or _no_wish(conversation.outcome),
        key_points=_key_points(sentences, wish, conversation.questions),
        promise=promise,
        category=category_by_words([wish, *conversation.caller_words]),
        priority=priority_of(impact_by_words(words), urgency_by_words(words), conversation.outcome),
        sentiment=sentiment_by_words(words),
    )


def promise_of(conversation: Conversation) -> str | None:
    """What the assistant promised: as the conversation recorded it, or the last sentence heard that promises something.

    A promise the caller did not hear was not made.
    """
    if conversation.promise:
        return conversation.promise
    heard = [sentence for words in conversation.assistant_words for sentence in sentences_of(words)]
    return next((sentence for sentence in reversed(heard) if _PROMISE.search(sentence)), None)


def sentiment_by_words(text: str) -> Sentiment:
    """How the words sound; a flag, no measurement."""
    cross, glad = len(_CROSS.findall(text)), len(_GLAD.findall(text))
    if cross > glad:
        return Sentiment.NEGATIVE
    return Sentiment.POSITIVE if glad > cross else Sentiment.NEUTRAL


def sentences_of(text: str) -> Iterator[str]:
    """The sentences of a turn, without surrounding space."""
    for sentence in _SENTENCE_END.split(text):
        if stripped := sentence.strip():
            yield stripped


def _matters(turns: Iterable[str]) -> Iterator[str]:
    """Sentences that carry something, without greetings, thanks and bare answers."""
    for turn in turns:
        for sentence in sentences_of(turn):
            bare = _LEAD_IN.sub("", sentence).strip()
            if len(bare.split()) >= 2 and not _is_small_talk(sentence):
                yield bare[:1].upper() + bare[1:]


def _is_small_talk(sentence: str) -> bool:
    low = sentence.casefold().strip()
    return low.startswith(_LEAVE_TAKING) or _SMALL_TALK.fullmatch(low) is not None


def _wish(sentences: list[str], questions: tuple[Question, ...]) -> str:
    """The first sentence that asks or wants something; else the longest; else the first question on record."""
    for sentence in sentences:
        if sentence.endswith("?") or _ASKS.match(sentence) or _WANTS.search(sentence):
            return shorten(sentence, LONGEST_POINT)
    longest = max(sentences, key=len, default="")
    return shorten(longest or (questions[0].text if questions else ""), LONGEST_POINT)


def _no_wish(outcome: Outcome) -> str:
    return {
        Outcome.REFUSED: "Not known: the call could not be taken. Call back.",
        Outcome.ABANDONED: "Not known: the caller hung up before saying it.",
    }.get(outcome, "Not known: the caller did not say it.")


def _subject(wish: str, outcome: Outcome) -> str:
    """The wish without contact data: a subject is quoted in mails and lists."""
    if not wish:
        return {Outcome.REFUSED: "Call that could not be taken"}.get(outcome, "Call without a clear wish")
    return shorten(redact(wish), SUBJECT_LIMIT)


def _text(conversation: Conversation, wish: str, promise: str | None) -> str:
    parts = [f"The caller asked: “{wish}”" if wish else _no_wish(conversation.outcome)]
    if titles := [source.title for source in conversation.sources]:
        parts.append(f"The assistant answered from “{'”, “'.join(titles[:3])}”.")
    if missing := [question.text for question in conversation.questions if not question.found]:
        parts.append(f"No answer was found to “{shorten(missing[0], LONGEST_POINT)}”.")
    if promise:
        parts.append(f"The assistant promised: “{promise}”")
    parts.append(_ENDINGS[conversation.outcome])
    return " ".join(parts)


_ENDINGS: dict[Outcome, str] = {
    Outcome.ANSWERED: "The questions were answered in the call.",
    Outcome.FOLLOW_UP: "A person must follow up.",
    Outcome.TRANSFERRED: "The call was transferred to a person.",
    Outcome.ABANDONED: "The caller hung up before the conversation came to an end.",
    Outcome.SILENT: "The caller never spoke.",
    Outcome.REFUSED: "We could not take the call.",
}


def _key_points(sentences: list[str], wish: str, questions: tuple[Question, ...]) -> tuple[str, ...]:
    """The questions with what came of them, then what else the caller said."""
    asked = [f"{shorten(question.text, LONGEST_POINT)} — {_what_came_of(question)}" for question in questions]
    known = {wish.casefold(), *(question.text.casefold() for question in questions)}
    said = [
        shorten(sentence, LONGEST_POINT)
        for sentence in sentences
        if sentence.casefold() not in known and len(sentence.split()) >= 4
    ]
    return tuple(dict.fromkeys([*asked, *said]))[:MOST_POINTS]


def _what_came_of(question: Question) -> str:
    if not question.found:
        return "no answer found"
    return "answered" if question.answered else "an answer was begun"
