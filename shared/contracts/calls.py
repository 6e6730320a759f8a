"""The words of a telephone call that gateway and voice share."""

from __future__ import annotations

from enum import StrEnum


class CallStatus(StrEnum):
    """Twilio's call states, in the order they can follow each other."""

    QUEUED = "queued"
    INITIATED = "initiated"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    FAILED = "failed"
    NO_ANSWER = "no-answer"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        """Whether the call is over; nothing ever follows such a state."""
        return self in FINAL_STATUSES

    @property
    def rank(self) -> int:
        """Position in the life of a call: a late report with a lower rank changes nothing."""
        return _RANKS[self]


FINAL_STATUSES = frozenset(
    {CallStatus.COMPLETED, CallStatus.BUSY, CallStatus.FAILED, CallStatus.NO_ANSWER, CallStatus.CANCELED}
)
_RANKS = {
    CallStatus.QUEUED: 0,
    CallStatus.INITIATED: 1,
    CallStatus.RINGING: 2,
    CallStatus.IN_PROGRESS: 3,
} | dict.fromkeys(FINAL_STATUSES, 4)


class MediaState(StrEnum):
    """What the voice tier does with a call."""

    EXPECTED = "expected"
    """TwiML was handed out; no voice process has taken the stream yet."""
    CONNECTED = "connected"
    """A voice process talks with the caller."""
    LOST = "lost"
    """The stream broke off before the conversation came to its end: connect it again, or the call is over."""
    FINISHED = "finished"
    """The voice process has said and stored everything it had."""


class NextStep(StrEnum):
    """What `/twilio/voice/after` does when the media stream has ended."""

    HANG_UP = "hang_up"
    TRANSFER = "transfer"
    APOLOGISE = "apologise"
    """Our voice or our ears failed: say sorry in TwiML, then put the caller through or promise a call back."""
