"""The first post of a case, in the order an agent reads: what it is, what is wanted, what was done, who, the facts."""

from __future__ import annotations

from collections.abc import Iterator

from services.ticketing.domain.conversation import Caller, Conversation, Recording, Transfer
from services.ticketing.domain.markup import bullets, length, link, paragraph, safe, section, time_of
from services.ticketing.domain.summary import Summary, SummaryOrigin, VersionedSummary
from shared.contracts.calls import RecordingKind, TransferOutcome
from shared.contracts.conversations import Outcome

OUTCOMES: dict[Outcome, str] = {
    Outcome.ANSWERED: "answered in the call",
    Outcome.FOLLOW_UP: "a person must follow up",
    Outcome.TRANSFERRED: "transferred to a person",
    Outcome.ABANDONED: "the caller hung up before the end",
    Outcome.SILENT: "the caller never spoke",
    Outcome.REFUSED: "the call could not be taken: call back",
    Outcome.NOT_REACHED: "we called and reached nobody",
}

TRANSFERS: dict[TransferOutcome, str] = {
    TransferOutcome.ACCEPTED: "a person took the call",
    TransferOutcome.DECLINED: "the person declined",
    TransferOutcome.BUSY: "busy",
    TransferOutcome.NO_ANSWER: "no answer",
    TransferOutcome.VOICEMAIL: "a machine picked up",
    TransferOutcome.CALLER_LEFT: "the caller hung up before somebody took the call",
    TransferOutcome.FAILED: "the number could not be reached",
}


def write_first_post(conversation: Conversation, versioned: VersionedSummary) -> str:
    """HTML of the first post, without its reference line."""
    summary = versioned.summary
    return "".join(
        (
            *_story(summary),
            section("Answers given from", bullets(link(source.title, source.url) for source in conversation.sources)),
            section("Not found in the knowledge base", bullets(_unanswered(conversation))),
            section("Promised to the caller", paragraph(summary.promise or "Nothing.")),
            section("Caller", bullets(_caller(conversation.caller))),
            section("Call", bullets(_facts(conversation, versioned))),
        )
    )


def write_repeat(conversation: Conversation, versioned: VersionedSummary) -> str:
    """HTML of the note on an open case whose caller called again, without its reference line."""
    return (
        f"<p><b>Called again</b> on {time_of(conversation.started_at)}</p>{write_first_post(conversation, versioned)}"
    )


def write_improvement(conversation: Conversation, versioned: VersionedSummary) -> str:
    """HTML of the note that replaces an earlier summary, without its reference line."""
    return "".join(
        (
            f"<p><b>Better summary</b> of the call of {time_of(conversation.started_at)}</p>",
            *_story(versioned.summary),
            section("Promised to the caller", paragraph(versioned.summary.promise or "Nothing.")),
            section("Written by", bullets(_origin(versioned))),
        )
    )


def _story(summary: Summary) -> Iterator[str]:
    yield section("Summary", paragraph(summary.text))
    yield section("What the caller wants", paragraph(summary.wish))
    yield section("Key points", bullets(safe(point) for point in summary.key_points))


def _unanswered(conversation: Conversation) -> Iterator[str]:
    return (safe(question.text) for question in conversation.questions if not question.found)


def _caller(caller: Caller) -> Iterator[str]:
    number = f"{safe(caller.number)} (as reported by the network)" if caller.number else "withheld"
    yield f"Number: {number}"
    if caller.name:
        yield f"Name: {safe(caller.name)} (heard)"
    if caller.email:
        yield f"E-mail: {safe(caller.email)} ({'confirmed' if caller.email_confirmed else 'heard, not confirmed'})"
    else:
        yield "E-mail: not given"


def _facts(conversation: Conversation, versioned: VersionedSummary) -> Iterator[str]:
    yield f"Began: {time_of(conversation.started_at)}, took {length(conversation.seconds)}"
    yield f"Outcome: {OUTCOMES[conversation.outcome]}"
    if conversation.we_called:
        yield "Direction: we called"
    if conversation.transfer is not None:
        yield f"Transfer: {_transfer(conversation.transfer)}"
    yield f"Language: {safe(conversation.language)}"
    yield f"Sentiment of the caller's words: {versioned.summary.sentiment.value}"
    yield f"Answered by: {safe(conversation.assistant)}, the AI assistant of {safe(conversation.company)}"
    yield f"Call: {safe(conversation.channel_reference)}"
    yield f"Conversation: {conversation.id}"
    yield from _origin(versioned)


def _transfer(transfer: Transfer) -> str:
    became = TRANSFERS[transfer.outcome] if transfer.outcome else "nobody has reported how it went"
    talked = f", talked for {length(transfer.seconds)}" if transfer.seconds else ""
    return f"to {safe(transfer.number)}: {became}{talked}"


def write_recording(recording: Recording) -> str:
    """HTML of the note that tells of a recording, without its reference line."""
    what = "The caller left a message" if recording.kind is RecordingKind.MESSAGE else "The call was recorded"
    took = f" ({length(recording.seconds)})" if recording.seconds else ""
    return paragraph(f"{what}{took}.") + f"<p>{link('Listen to the recording', recording.url)}</p>"


def _origin(versioned: VersionedSummary) -> Iterator[str]:
    summary = versioned.summary
    if summary.origin is SummaryOrigin.MODEL:
        yield f"Summary: version {versioned.version}, written by the model {safe(summary.model or '')}"
    else:
        yield f"Summary: version {versioned.version}, taken from the conversation's own sentences without a model"
