"""What a conversation knows at a moment: frozen, and as plain JSON the checkpoint another process resumes from.

Only what the caller heard and what the caller said is in here. A ticket reads `questions`, `promise` and `email`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import msgspec

from shared.contracts.conversations import Speaker
from shared.observability.logs import get_logger

log = get_logger(__name__)

VERSION = 1
"""Of the JSON form. A checkpoint of another version is not read: the call goes on from the beginning."""
LONGEST_HISTORY = 60
"""Utterances kept for understanding and prompts; the record keeps them all."""
MOST_QUESTIONS = 30
"""Questions kept for the ticket; the first and the latest matter most, so the middle is dropped."""


class Phase(StrEnum):
    """What the conversation is about at the moment."""

    GREETING = "greeting"
    ISSUE = "issue"
    """The caller was asked what the call is about."""
    CLARIFY = "clarify"
    """The caller was asked to say more about it."""
    ANSWER = "answer"
    """An answer was being given."""
    ANYTHING_ELSE = "anything_else"
    CONTACT = "contact"
    """The caller was asked for an e-mail address, or whether the one we heard is right."""
    CLOSE = "close"
    """We said goodbye."""


class Ask(StrEnum):
    """What we ask a caller. Each has a limit, so that no loop lasts."""

    ISSUE = "issue"
    CLARIFY = "clarify"
    ANYTHING_ELSE = "anything_else"
    EMAIL = "email"
    CONFIRM_EMAIL = "confirm_email"
    SAY_AGAIN = "say_again"


MOST_ASKED = 3
"""How often the same thing is asked before the conversation goes on without an answer."""


class RecordingNotice(StrEnum):
    """What the caller knows about the recording of the call."""

    NONE = "none"
    """There is none that we would have to tell of."""
    UNTOLD = "untold"
    TOLD = "told"
    """They heard it to its end: the recording may begin."""


class PromiseKind(StrEnum):
    """What a person will do for the caller."""

    FOLLOW_UP = "follow_up"
    """Look into the question and answer it."""
    CALL_BACK = "call_back"
    """Call the caller: they asked for a person."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something that was said and heard."""

    speaker: Speaker
    text: str
    private: bool = False
    """Holds contact data: never shown to a model."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something the caller wanted to know."""

    text: str
    found: bool
    """Whether the knowledge base had passages for it."""
    answered: bool
    """Whether the caller heard an answer to its end, or was content with a part of it."""
    rejected: bool = False
    """The caller said that the answer was none."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What the caller was told a person will do, in the words they heard."""

    kind: PromiseKind
    text: str


@dataclass(frozen=True, slots=True)
class EmailSlot:
    """The caller's e-mail address on its way from sounds to a confirmed fact."""

    candidate: str | None = None
    """Heard, and waiting for the caller's yes."""
    confirmed: str | None = None
    pieces: str = ""
    """Words of an address that is not complete yet, over several turns."""
    read_back: bool = False
    """Whether the caller heard the candidate read back: a yes before that confirms nothing."""
    spelled: bool = False
    """The caller spelled it, or did not recognise it when it was read: read it letter by letter."""
    failures: int = 0
    """How often what was said was no address, or the wrong one."""
    corrections: int = 0
    """How often the caller said that the candidate was wrong."""
    closed: bool = False
    """The caller does not want to give one, or we gave up: never asked again."""


@dataclass(frozen=True, slots=True)
class ConversationState:
    """Everything the next turn depends on."""

    version: int = VERSION
    phase: Phase = Phase.GREETING
    history: tuple[Utterance, ...] = ()
    questions: tuple[Question, ...] = ()
    open_words: str = ""
    """What the caller said since anybody answered: an utterance cut in two by a pause is put together again."""
    heard_already: tuple[str, ...] = ()
    """Sentences of the reply to `open_words`, or of the opening, that the caller had heard to their end when whoever
    spoke it was lost: they are not said again."""
    clarifying: str = ""
    """The question about which we asked one back."""
    topic: str = ""
    """Title of the passage the last answer was taken from; what "it" means in the next question."""
    last_reply: tuple[str, ...] = ()
    """The sentences of our last reply, heard or not, for a caller who did not catch them."""
    email: EmailSlot = field(default_factory=EmailSlot)
    promise: Promise | None = None
    winding_up: bool = False
    """The caller wants no more: after the address comes the goodbye."""
    wants_person: bool = False
    language: str = ""
    """BCP 47, of the language the caller asked for; empty for the agent's own."""
    transferred: bool = False
    """The caller heard that they are being put through."""
    asked: Mapping[Ask, int] = field(default_factory=dict)
    """How often each thing was asked since it last led anywhere."""
    silences: int = 0
    """Prompts in a row that were followed by nothing."""
    on_hold: bool = False
    """The caller asked for a moment."""
    notice_heard: bool = False
    """Whether the caller heard to its end that an AI assistant answers."""
    recording: RecordingNotice = RecordingNotice.NONE
    caller_spoke: bool = False
    opting_out: bool = False
    """They were asked whether we shall never call them again."""
    opted_out: bool = False
    """They said yes to that: it counts, whatever they heard of our answer."""
    said_goodbye: bool = False
    """The goodbye was heard to its end."""

    @property
    def is_new(self) -> bool:
        """Whether nothing has been said yet."""
        return self.phase is Phase.GREETING and not self.history

    def to_json(self) -> dict[str, Any]:
        """The checkpoint: plain JSON values only."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @classmethod
    def from_json(cls, checkpoint: Mapping[str, Any]) -> ConversationState:
        """The state a checkpoint describes.

        An empty one, or one this version cannot read, is a new conversation: better greeted twice than lost.
        """
        if not checkpoint:
            return cls()
        try:
            state = msgspec.convert(dict(checkpoint), cls)
        except msgspec.ValidationError:
            log.warning("checkpoint_unreadable", reason="its form is not known")
            return cls()
        if state.version != VERSION:
            log.warning("checkpoint_unreadable", version=state.version, expected=VERSION)
            return cls()
        return state

    def times_asked(self, ask: Ask) -> int:
        """How often this was asked since it last led anywhere."""
        return self.asked.get(ask, 0)

    def may_ask(self, ask: Ask) -> bool:
        """Whether asking once more stays within the limit."""
        return self.times_asked(ask) < MOST_ASKED

    def asking(self, ask: Ask) -> ConversationState:
        """The state after asking once more."""
        return replace(self, asked={**self.asked, ask: self.times_asked(ask) + 1})

    def settled(self, *asks: Ask) -> ConversationState:
        """The state after these led somewhere: they count from the beginning again."""
        return replace(self, asked={ask: count for ask, count in self.asked.items() if ask not in asks})

    def remembering(self, *utterances: Utterance) -> ConversationState:
        """The state with these at the end of the history; empty ones are left out."""
        kept = (*self.history, *(utterance for utterance in utterances if utterance.text))
        return replace(self, history=kept[-LONGEST_HISTORY:])

    def noting(self, question: Question) -> ConversationState:
        """The state with this question; asked again in the same words it replaces the earlier one."""
        same = question.text.casefold()
        others = tuple(known for known in self.questions if known.text.casefold() != same)
        if len(others) >= MOST_QUESTIONS:
            half = MOST_QUESTIONS // 2
            others = (*others[:half], *others[-(half - 1) :])
        return replace(self, questions=(*others, question))

    @property
    def needs_follow_up(self) -> bool:
        """Whether something is left for a person to do."""
        return self.promise is not None or any(not question.found for question in self.questions)
