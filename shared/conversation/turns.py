"""The shapes of one turn: what is said, what it makes true, and what came of looking for an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.conversation.phrases import Phrase
from shared.conversation.ports import NextStep
from shared.conversation.state import ConversationState, Phase, PromiseKind


class Mark(StrEnum):
    """What becomes true when the caller has heard a sentence to its end."""

    NOTICE = "notice"
    """They know that an AI assistant answers."""
    RECORDED = "recorded"
    """They know that the call is recorded."""
    FOLLOW_UP = "follow_up"
    CALL_BACK = "call_back"
    """They were promised this."""
    READ_BACK = "read_back"
    """They know which address we heard."""
    ANSWER = "answer"
    """They have the whole answer."""

    @property
    def promise(self) -> PromiseKind | None:
        """What the sentence promises."""
        return _PROMISES.get(self)

    @property
    def is_notice(self) -> bool:
        """Whether hearing the sentence is a duty of ours: a channel may insist on it."""
        return self in (Mark.NOTICE, Mark.RECORDED)


_PROMISES = {Mark.FOLLOW_UP: PromiseKind.FOLLOW_UP, Mark.CALL_BACK: PromiseKind.CALL_BACK}

MARKS: Mapping[Phrase, Mark] = {
    Phrase.NOTICE: Mark.NOTICE,
    Phrase.NOTICE_AGAIN: Mark.NOTICE,
    Phrase.YES_AI: Mark.NOTICE,
    Phrase.WHO: Mark.NOTICE,
    Phrase.RECORDED: Mark.RECORDED,
    Phrase.PROMISE_FOLLOW_UP: Mark.FOLLOW_UP,
    Phrase.PROMISE_ADDED: Mark.FOLLOW_UP,
    Phrase.PROMISE_CALL_BACK: Mark.CALL_BACK,
    Phrase.READ_EMAIL: Mark.READ_BACK,
}


@dataclass(frozen=True, slots=True)
class Say:
    """One of our sentences."""

    key: Phrase
    variant: int = 0
    values: Mapping[str, str] = field(default_factory=dict)
    is_personal: bool = False
    """Its values are the caller's: never cached."""


@dataclass(frozen=True, slots=True)
class Greet:
    """The agent's own first words, with the notice and the way to a person."""


@dataclass(frozen=True, slots=True)
class Again:
    """The sentences of our last reply."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Look it up and answer."""

    question: str
    words: str
    """The question without fillers and punctuation: what passages are compared with."""
    queries: tuple[str, ...]
    """What to search for, until something is found; none when the agent has no knowledge base."""
    leans: bool
    """It goes on about what was answered before."""
    is_sure: bool
    """Whether it certainly is a question; otherwise finding nothing means that we did not understand."""


Act = Say | Greet | Again | Answer


@dataclass(frozen=True, slots=True)
class Turn:
    """What a decision wants to be said, and what follows from it once it was heard."""

    acts: tuple[Act, ...]
    then: ConversationState
    """The state when the reply was heard. What only a whole sentence makes true is not in it: see `Mark`."""
    phase: Phase
    """What the reply is about."""
    said: str = ""
    is_private: bool = False
    """Caller's and our words of this turn hold contact data."""
    step: NextStep = NextStep.LISTEN
    """Once the reply was heard to its end."""

    @property
    def answer(self) -> Answer | None:
        """The question in it, when there is one."""
        return next((act for act in self.acts if isinstance(act, Answer)), None)


class Finding(StrEnum):
    """What became of a question."""

    ANSWERED = "answered"
    NOT_FOUND = "not_found"
    LOOK_UP_FAILED = "look_up_failed"
    """The knowledge base cannot be asked."""
    BROKEN_OFF = "broken_off"
    """The answer stopped in the middle."""
    DONE = "done"
    """There was nothing to answer: the caller wants no more."""


@dataclass(slots=True)
class Findings:
    """Filled while a question is being answered. `result` is None until it is known whether there is an answer."""

    result: Finding | None = None
    is_whole: bool = False
    """The answer came to its end."""
    topic: str = ""
    asks_back: bool = False
    """The answer ended with a question to the caller."""
    wants_ticket: bool = False
    """The model proposed a ticket, or claimed that there is one."""
    ends_call: bool = False
    """The model proposed to end the call."""
    cannot_do: bool = False
    """The model claimed to have done something that it cannot do."""
