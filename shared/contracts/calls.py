"""The words of a telephone call that gateway and voice share."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from shared.contracts.conversations import Outcome


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

    WAITING = "waiting"
    """No voice process has a free slot: the caller waits at the gateway."""
    PLAIN = "plain"
    """No voice process leads the call and none will: the gateway does, with Twilio's own hearing and voice."""
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
    TAKE_MESSAGE = "take_message"
    """Nobody took the call: the caller leaves a message."""
    CALL_BACK = "call_back"
    """No line was free: the caller is promised a call back."""


class WhenFull(StrEnum):
    """What a caller is offered while no voice process has a free slot."""

    WAIT = "wait"
    """Hold the line until a slot is free."""
    CALL_BACK = "call_back"
    """A person calls back; the ticket says so."""
    VOICEMAIL = "voicemail"
    """Leave a message."""


class TransferMode(StrEnum):
    """How a person gets a call."""

    COLD = "cold"
    """They hear the caller as soon as they pick up."""
    WARM = "warm"
    """They hear first what it is about, and take the call by pressing 1."""


class TransferOutcome(StrEnum):
    """What became of ringing a person."""

    ACCEPTED = "accepted"
    """They talked with the caller."""
    DECLINED = "declined"
    """They heard what it is about and did not want it."""
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    VOICEMAIL = "voicemail"
    """Something picked up and pressed no key: a machine, most likely."""
    CALLER_LEFT = "caller_left"
    """The caller hung up before somebody took the call."""
    FAILED = "failed"
    """Their telephone could not be reached."""


class OnMachine(StrEnum):
    """What an outbound call does when an answering machine picks up."""

    HANG_UP = "hang_up"
    LEAVE_MESSAGE = "leave_message"
    """Say who calls and the initial message after its greeting."""
    TALK = "talk"
    """Nothing: whoever picks up is talked to, and nobody listens for machines."""


MACHINES = ("machine_start", "machine_end_beep", "machine_end_silence", "machine_end_other", "fax")
"""Twilio's words for whoever is not a person; `unknown` may be one."""


class OutboundState(StrEnum):
    """Where an order to call somebody stands."""

    PLANNED = "planned"
    """Wanted, and certainly not placed: the same request places it."""
    SENDING = "sending"
    """Twilio is being asked."""
    UNKNOWN = "unknown"
    """Twilio was asked and no answer came: looked for, never asked again."""
    PLACED = "placed"
    REFUSED = "refused"
    """There is no call and there will be none."""


class PermissionKind(StrEnum):
    """What somebody has said about being called by us."""

    CONSENT = "consent"
    """They agreed to it."""
    OPT_OUT = "opt_out"
    """They asked for no more calls; it counts whatever they agreed to."""


class PermissionSource(StrEnum):
    """Where that is known from."""

    API = "api"
    CALL = "call"
    """They said so to the assistant, and confirmed it."""


class RecordingKind(StrEnum):
    """What a recording holds."""

    CALL = "call"
    MESSAGE = "message"
    """What a caller left after the tone."""


class RecordingStatus(StrEnum):
    """Whether it can be listened to."""

    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    ABSENT = "absent"
    """Nothing was recorded, or it was lost."""


class Handoff(BaseModel):
    """What a voice process leaves with Twilio at the end of a relay session, and the gateway gets back, signed.

    The record says the same; this counts when it could not be written in time.
    """

    model_config = ConfigDict(frozen=True)

    generation: int
    next_step: NextStep
    outcome: Outcome
