"""What the assistant needs from outside, one small protocol each, and what it hands to a channel."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from shared.contracts.knowledge import SearchAnswer
from shared.errors import Transient
from shared.rates.usage import Meter


class Knowledge(Protocol):
    """Searches what the agent's company knows."""

    async def search(self, query: str) -> SearchAnswer:
        """Passages, best first; `found` is false when none is relevant. Raises Transient when it cannot be asked."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that stands for itself, as it is compared with others."""

    question: str
    words: str
    """In lower case, without punctuation and fillers."""
    gist: str
    """The same for all questions that may mean the same."""
    version: int
    """Of the knowledge it was looked up in."""
    vector: str | None
    """As the knowledge room gives it."""


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """A whole answer of a model, and the articles it came from."""

    sentences: tuple[str, ...]
    topic: str
    sources: tuple[Mapping[str, Any], ...]


class KnownAnswers(Protocol):
    """Answers of an agent that may be given again, shared by all calls."""

    async def find(self, asked: Asked) -> KnownAnswer | None:
        """An answer from the same version of the knowledge; None for none in time. Never raises."""
        ...

    def keep(self, asked: Asked, answer: KnownAnswer) -> None:
        """Keep an answer for others. Never waits and never raises."""
        ...


class ModelUnavailable(Transient):
    """No model answered in time, or its answer broke off before its end."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model proposes to use a tool. Its arguments are data from a stranger: validate them."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the model's answer, with its own spaces."""

    text: str


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One question to a model: messages in the form of chat completions, and the tools it may propose."""

    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]]
    most_tokens: int
    cache_key: str
    """Same key for requests that share a prefix; no personal data in it."""
    meter: Meter = field(default_factory=Meter)
    """Counts the tokens, however the answer ends."""


class ChatModel(Protocol):
    """Streams an answer."""

    name: str

    def stream(self, request: ModelRequest) -> AsyncGenerator[TextDelta | ToolCall]:
        """Text as it comes, and whole tool calls. Ends normally only after a finish reason was seen.

        Raises ModelUnavailable. Closing the iterator stops the generation at once.
        """
        ...


class Origin(StrEnum):
    """What wrote an assistant's turn."""

    MODEL = "model"
    RULES = "rules"
    """Extracted from passages without a model."""
    PHRASE = "phrase"
    """A fixed sentence of ours."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """Something to say now: speakable text without any markup."""

    text: str
    is_fixed: bool = False
    """One of our own sentences, the same in every call: its audio may be cached. Never true for caller's data."""
    is_notice: bool = False
    """It tells that an AI answers; a channel may insist that it is heard."""


@dataclass(slots=True)
class Provenance:
    """Where an answer came from and how long its parts took; complete when the reply has been iterated to its end."""

    origin: Origin = Origin.PHRASE
    phase: str = ""
    sources: list[dict[str, Any]] = field(default_factory=list)
    """article_id, title, url, score of each article that words of the answer came from, in the order they were said."""
    stages_ms: dict[str, float] = field(default_factory=dict)
    level: int = 0
    """Of degradation, at which the answer was begun: `shared.degradation.levels`; a channel sets it."""


class Reply(Protocol):
    """One turn of the assistant, produced while it is spoken."""

    provenance: Provenance

    def __aiter__(self) -> AsyncGenerator[Sentence]:
        """Sentences as they become ready; at least one, and never an error. May be iterated once.

        Closing the iterator (`contextlib.aclosing`), or cancelling the task that iterates, stops everything behind it.
        """
        ...


class NextStep(StrEnum):
    """What the channel does when the reply that decided it was heard to its end."""

    LISTEN = "listen"
    HANG_UP = "hang_up"
    TRANSFER = "transfer"


class Expectation(StrEnum):
    """What the assistant has asked for: tells a channel when an utterance is likely to be complete."""

    ANYTHING = "anything"
    YES_OR_NO = "yes_or_no"
    EMAIL = "email"
