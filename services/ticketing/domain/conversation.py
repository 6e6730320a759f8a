"""A conversation as a ticket sees it: only what was heard, on either side."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.contracts.calls import RecordingKind, TransferOutcome
from shared.contracts.conversations import Channel, Outcome, Speaker


@dataclass(frozen=True, slots=True)
class Source:
    """An article an answer was taken from."""

    title: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Said:
    """One turn, as the other side heard it."""

    speaker: Speaker
    text: str
    """For the assistant the part that was played; empty when the caller heard none of it."""
    at: datetime
    cut: bool = False
    """The assistant was interrupted and had more to say."""
    about_contact: bool = False
    """The turn belongs to asking for an e-mail address, not to the matter itself."""
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called, and how sure we are."""

    number: str | None = None
    """E.164, as the network reported it; None when it was withheld."""
    name: str | None = None
    email: str | None = None
    email_confirmed: bool = False

    @property
    def confirmed_email(self) -> str | None:
        """The address, when the caller confirmed it: the only one that may decide whose ticket this is."""
        return self.email if self.email_confirmed else None


@dataclass(frozen=True, slots=True)
class Question:
    """Something the caller asked."""

    text: str
    found: bool
    """Whether the knowledge base had something on it."""
    answered: bool
    """Whether the caller heard an answer to its end."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """The attempt to put the caller through to a person."""

    number: str
    outcome: TransferOutcome | None
    """None when nobody has reported it."""
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """Sound that can be listened to elsewhere."""

    name: str
    """The recording's own id."""
    kind: RecordingKind
    url: str | None
    seconds: int | None


@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything a ticket is written from."""

    id: UUID
    channel: Channel
    channel_reference: str
    """The channel's own id of the conversation, such as a CallSid."""
    language: str
    """BCP 47."""
    company: str
    assistant: str
    outcome: Outcome
    caller: Caller
    started_at: datetime
    ended_at: datetime
    turns: tuple[Said, ...] = ()
    questions: tuple[Question, ...] = ()
    promise: str | None = None
    """What the assistant promised, in the words that were spoken."""
    we_called: bool = False
    transfer: Transfer | None = None
    recordings: tuple[Recording, ...] = ()
    """Those that can be listened to by now."""

    @property
    def seconds(self) -> int:
        """How long the conversation took."""
        return max(0, round((self.ended_at - self.started_at).total_seconds()))

    @property
    def caller_words(self) -> tuple[str, ...]:
        """What the caller said about the matter, turn by turn."""
        return tuple(
            turn.text for turn in self.turns if turn.speaker is Speaker.CALLER and turn.text and not turn.about_contact
        )

    @property
    def assistant_words(self) -> tuple[str, ...]:
        """What the caller heard of the assistant, turn by turn."""
        return tuple(turn.text for turn in self.turns if turn.speaker is Speaker.ASSISTANT and turn.text)

    @property
    def heard(self) -> str:
        """Every word that was heard, in order."""
        return "\n".join(turn.text for turn in self.turns if turn.text)

    @property
    def sources(self) -> tuple[Source, ...]:
        """The articles behind the answers that were heard, each once, in order."""
        return tuple(dict.fromkeys(source for turn in self.turns if turn.text for source in turn.sources))
