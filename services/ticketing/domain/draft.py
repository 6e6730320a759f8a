"""The ticket as it should stand in the help desk: subject, first post, transcript, tags, status, priority."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from services.ticketing.domain.category import Category
from services.ticketing.domain.conversation import Caller, Conversation
from services.ticketing.domain.first_post import write_first_post, write_improvement, write_recording, write_repeat
from services.ticketing.domain.summary import VersionedSummary
from services.ticketing.domain.transcript import write_transcript
from shared.contracts.conversations import Outcome, Priority

OURS = "ai-call"
"""The tag on every case of ours."""
DUPLICATE = "duplicate"
"""The tag on a case that the sweep retired and the help desk would not put into the trash."""
MARKERS = ("call-", "conv-")
"""How markers begin: the channel's word for a conversation."""


class CaseStatus(StrEnum):
    """Kayako's statuses by type; ids differ per tenant."""

    NEW = "NEW"
    OPEN = "OPEN"
    COMPLETED = "COMPLETED"


class CaseType(StrEnum):
    """Kayako's case types by type."""

    QUESTION = "QUESTION"
    TASK = "TASK"
    PROBLEM = "PROBLEM"


@dataclass(frozen=True, slots=True)
class Note:
    """An internal note. `client_id` is how it is recognised before it is sent again; its last line names it too."""

    client_id: str
    html: str

    @classmethod
    def of(cls, client_id: str, html: str) -> Note:
        """A note whose last line is its reference."""
        return cls(client_id, html + reference_line(client_id))


@dataclass(frozen=True, slots=True)
class TicketDraft:
    """Everything of one ticket."""

    marker: str
    subject: str
    first_post: str
    """HTML; its last line is `Ref: <marker>`."""
    tags: tuple[str, ...]
    priority: Priority
    status: CaseStatus
    type: CaseType
    notes: tuple[Note, ...]
    """The transcript, in one or more parts, and what was recorded."""
    caller: Caller
    language: str


def write_draft(conversation: Conversation, summary: VersionedSummary, marker: str) -> TicketDraft:
    """The ticket of this conversation."""
    content = summary.summary
    return TicketDraft(
        marker=marker,
        subject=content.subject,
        first_post=write_first_post(conversation, summary) + reference_line(marker),
        tags=tags_of(conversation, content.category, marker),
        priority=content.priority,
        status=_STATUSES[conversation.outcome],
        type=_type(conversation.outcome, content.category),
        notes=(
            *(
                Note.of(f"{marker}:transcript:{number}", html)
                for number, html in enumerate(write_transcript(conversation), start=1)
            ),
            *recording_notes(conversation, marker),
        ),
        caller=conversation.caller,
        language=conversation.language,
    )


def repeat_note(conversation: Conversation, summary: VersionedSummary, marker: str) -> Note:
    """The note that brings a repeat call to the open case of its problem."""
    return Note.of(f"{marker}:call", write_repeat(conversation, summary))


def summary_note(conversation: Conversation, summary: VersionedSummary, marker: str) -> Note:
    """The note that brings a better summary to a case that stands already."""
    return Note.of(f"{marker}:summary:{summary.version}", write_improvement(conversation, summary))


def recording_notes(conversation: Conversation, marker: str) -> tuple[Note, ...]:
    """A note for each recording: most are ready only when the case stands already."""
    return tuple(
        Note.of(f"{marker}:recording:{recording.name}", write_recording(recording))
        for recording in conversation.recordings
    )


def reference_line(name: str) -> str:
    """The last line of a post: how it is recognised where tags and client ids were taken away."""
    return f"<p>Ref: {name}</p>"


def mentions(name: str, contents: str) -> bool:
    """Whether a post's text, with or without its markup, holds the reference of exactly this name."""
    return re.search(rf"Ref: {re.escape(name)}(?![\w:-])", contents) is not None


def tags_of(conversation: Conversation, category: Category, marker: str) -> tuple[str, ...]:
    """Lower case, no comma, no space: a list of tags travels as one comma-separated string."""
    language = conversation.language.partition("-")[0].lower()
    outcome = conversation.outcome.value.replace("_", "-")
    return (OURS, marker, f"lang-{language}", outcome, category.value)


_STATUSES: dict[Outcome, CaseStatus] = {
    Outcome.ANSWERED: CaseStatus.COMPLETED,
    Outcome.FOLLOW_UP: CaseStatus.NEW,
    Outcome.TRANSFERRED: CaseStatus.OPEN,
    Outcome.ABANDONED: CaseStatus.NEW,
    Outcome.SILENT: CaseStatus.NEW,
    Outcome.REFUSED: CaseStatus.NEW,
    Outcome.NOT_REACHED: CaseStatus.NEW,
}


def _type(outcome: Outcome, category: Category) -> CaseType:
    if outcome is Outcome.REFUSED:
        return CaseType.TASK
    return CaseType.PROBLEM if category is Category.TECHNICAL else CaseType.QUESTION
