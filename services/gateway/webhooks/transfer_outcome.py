"""What became of ringing a person: one word out of what Twilio reports about the dial. Pure."""

from __future__ import annotations

from services.gateway.webhooks.report import CallReport
from shared.contracts.calls import TransferMode, TransferOutcome

LONGEST_TRANSFER_S = 24 * 3600
_NOT_ANSWERED = {
    "busy": TransferOutcome.BUSY,
    "no-answer": TransferOutcome.NO_ANSWER,
    "canceled": TransferOutcome.NO_ANSWER,
    "failed": TransferOutcome.FAILED,
}


def transfer_outcome(report: CallReport, mode: TransferMode, answer: TransferOutcome | None) -> TransferOutcome:
    """The outcome in the report of a `<Dial>`.

    `answer` is what the person said by pressing a key, when they were asked. Only a bridge proves that the two talked:
    a machine that picks up completes the dial as well.
    """
    if was_bridged(report, mode):
        return TransferOutcome.ACCEPTED
    if answer is TransferOutcome.DECLINED:
        return TransferOutcome.DECLINED
    if report.status.is_final:
        return TransferOutcome.CALLER_LEFT
    unanswered = _NOT_ANSWERED.get(report.fields.get("DialCallStatus", ""))
    if unanswered is not None:
        return unanswered
    picked_up = report.fields.get("DialCallStatus") in ("completed", "answered")
    return TransferOutcome.VOICEMAIL if picked_up and mode is TransferMode.WARM else TransferOutcome.FAILED


def was_bridged(report: CallReport, mode: TransferMode) -> bool:
    """Whether a person and the caller were connected. Only `DialBridged` proves it; older requests lack it."""
    if "DialBridged" in report.fields:
        return report.fields["DialBridged"] == "true"
    return mode is TransferMode.COLD and report.fields.get("DialCallStatus") in ("completed", "answered")


def talked_s(report: CallReport) -> int | None:
    """How long they talked, in seconds, when the report says so."""
    reported = report.fields.get("DialCallDuration", "")
    usable = reported.isascii() and reported.isdecimal() and len(reported) <= len(str(LONGEST_TRANSFER_S))
    return min(int(reported), LONGEST_TRANSFER_S) if usable else None
