"""What happens next in a call: pure functions of the row and of what Twilio reported.

Each webhook may come twice. A transition applied twice gives the same state as once, and the answer is read from the
state alone, so that a repeat is answered with the same document.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from services.gateway.webhooks.relay_end import RelayEnd
from shared.contracts.calls import CallStatus, MediaState, NextStep, TransferMode, TransferOutcome, WhenFull
from shared.contracts.conversations import Outcome
from shared.contracts.relay import Transport

MOST_GENERATIONS = 4
"""How often a call is connected to a voice process: three losses are survived. Then the gateway leads it itself."""

KEYS = {WhenFull.CALL_BACK: "1", WhenFull.VOICEMAIL: "2"}
"""What a caller who waits may press instead."""


@dataclass(frozen=True, slots=True)
class CallState:
    """What the rows of a call say, as far as the next step depends on it."""

    status: CallStatus
    media: MediaState
    next_step: NextStep | None
    outcome: Outcome | None
    generation: int
    person: str | None
    """The number of somebody who can take the call, in E.164."""
    is_closed: bool
    takes_messages: bool = False
    """Whether a caller whom nobody can talk to may leave a message."""
    transfer: TransferOutcome | None = None
    """What became of the latest attempt to put the caller through; while they are asked, what they answered."""
    transfer_mode: TransferMode = TransferMode.COLD
    transport: Transport = Transport.MEDIA_STREAMS
    """What carries this generation."""
    when_full: tuple[WhenFull, ...] = ()
    """What the caller is offered while no voice process is free, in the agent's order."""
    rounds_waited: int = 0
    """How many documents the caller was held with."""

    @property
    def is_over(self) -> bool:
        """Whether the line is down; what we answer is not heard any more."""
        return self.status.is_final or self.is_closed


@dataclass(frozen=True, slots=True)
class Connect:
    """Connect the line to a voice process, as this generation of its stream."""

    generation: int
    transport: Transport = Transport.MEDIA_STREAMS


@dataclass(frozen=True, slots=True)
class PutThrough:
    """Ring a person."""

    number: str
    apologising: bool
    warm: bool = False
    """They are told first what it is about, and may decline."""


class Farewell(StrEnum):
    """Sentences before we hang up."""

    NONE = "none"
    """The goodbye was said."""
    TROUBLE = "trouble"
    """We could not go on."""
    NOBODY_FREE = "nobody_free"
    """A person was rung and did not answer."""
    NO_LINE_FREE = "no_line_free"
    """No voice process was free."""
    MESSAGE_TAKEN = "message_taken"
    """The caller left a message."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call after this sentence."""

    farewell: Farewell


@dataclass(frozen=True, slots=True)
class TakeMessage:
    """Say why nobody talks to the caller, and record what they want to leave."""

    why: Farewell


@dataclass(frozen=True, slots=True)
class Wait:
    """Hold the line until a voice process may be free."""

    number: int
    """Of the document; the first one says more."""
    offers: tuple[WhenFull, ...]
    goes_on: bool = False
    """A conversation that was cut off is to be connected again in a moment."""


@dataclass(frozen=True, slots=True)
class TalkPlainly:
    """Go on with the conversation from here, without a voice process."""


@dataclass(frozen=True, slots=True)
class LeaveMessage:
    """Say to an answering machine who called and why, then hang up."""


Answer = Connect | Wait | TalkPlainly | PutThrough | HangUp | TakeMessage | LeaveMessage


def answer(state: CallState) -> Answer:
    """What the line does now."""
    if state.is_over:
        return HangUp(Farewell.NONE)
    if state.media is MediaState.WAITING:
        goes_on = state.generation > 1
        offers = () if goes_on else tuple(offer for offer in KEYS if offer in state.when_full)
        return Wait(state.rounds_waited, offers, goes_on)
    if state.media is MediaState.PLAIN:
        return TalkPlainly()
    if state.media is not MediaState.FINISHED:
        return Connect(state.generation, state.transport)
    return _ending(state)


def _ending(state: CallState) -> Answer:
    """What the line does when the conversation has come to its end."""
    if state.next_step is NextStep.HANG_UP:
        return HangUp(Farewell.NONE)
    if state.next_step is NextStep.TAKE_MESSAGE:
        return TakeMessage(Farewell.NOBODY_FREE)
    if state.next_step is NextStep.CALL_BACK:
        return HangUp(Farewell.NO_LINE_FREE)
    if state.person is not None:
        warm = state.transfer_mode is TransferMode.WARM
        return PutThrough(state.person, apologising=state.next_step is not NextStep.TRANSFER, warm=warm)
    return TakeMessage(Farewell.TROUBLE) if state.takes_messages else HangUp(Farewell.TROUBLE)


def answer_after_dial(state: CallState) -> Answer:
    """What the line does when a person was rung."""
    if state.next_step is NextStep.TAKE_MESSAGE and not state.is_over:
        return TakeMessage(Farewell.NOBODY_FREE)
    talked = state.outcome is Outcome.TRANSFERRED
    return HangUp(Farewell.NONE if talked or state.is_over else Farewell.NOBODY_FREE)


def answer_after_message(state: CallState) -> Answer:
    """What the line does when the caller has left a message."""
    return HangUp(Farewell.NONE if state.is_over else Farewell.MESSAGE_TAKEN)


def answer_machine(state: CallState) -> Answer:
    """What a call of ours does when an answering machine is listening."""
    return HangUp(Farewell.NONE) if state.is_over else LeaveMessage()


def unchanged(state: CallState) -> CallState:
    """Nothing new: only what the line does now is asked."""
    return state


def after_stream(state: CallState, ended: int, relay: RelayEnd | None = None) -> CallState:
    """The stream or relay session of generation `ended` is over, or never came about.

    A finished conversation stands. A lost one is connected again as the next generation, at most MOST_GENERATIONS in
    all; when nobody took a second one either, a moment later: a process that is gone must first be noticed by whoever
    sends streams to it. After that there is one more generation, which is the gateway's own. An older generation's end
    was dealt with before; one that the row never reached was forgotten with a row. `relay` is what Twilio said of a
    session.
    """
    if state.is_over or ended < state.generation or state.media in (MediaState.WAITING, MediaState.PLAIN):
        return state
    if relay is not None:
        state = _handed_back(state, ended, relay)
    if state.media is MediaState.FINISHED:
        return _confirmed(state)
    if ended >= MOST_GENERATIONS:
        return replace(state, generation=ended + 1, media=MediaState.PLAIN)
    following = replace(state, generation=ended + 1, media=MediaState.EXPECTED, transport=_next_transport(state, relay))
    if state.media is MediaState.EXPECTED and ended > 1:
        return replace(following, media=MediaState.WAITING, rounds_waited=state.rounds_waited + 1)
    return following


def _handed_back(state: CallState, ended: int, relay: RelayEnd) -> CallState:
    """What the voice process left with Twilio counts when it could not write it into the row in time."""
    handoff = relay.handoff
    if handoff is None or handoff.generation != ended or state.media is MediaState.FINISHED:
        return state
    return replace(state, media=MediaState.FINISHED, next_step=handoff.next_step, outcome=handoff.outcome)


def _next_transport(state: CallState, relay: RelayEnd | None) -> Transport:
    """A relay session that never reached us, or whose provider failed, would do so again: then we hear and speak."""
    hopeless = state.media is MediaState.EXPECTED or (relay is not None and relay.provider_failed)
    return Transport.MEDIA_STREAMS if hopeless else state.transport


def _confirmed(state: CallState) -> CallState:
    """A finished conversation's next step, as far as it can be taken.

    Until somebody took the call, a transfer counts as something left to do.
    """
    if state.next_step in (NextStep.HANG_UP, NextStep.TAKE_MESSAGE, NextStep.CALL_BACK):
        return state
    if state.next_step is NextStep.TRANSFER and state.person is not None:
        return replace(state, outcome=Outcome.FOLLOW_UP)
    return given_up(state)


def talked_to_the_end(state: CallState, step: NextStep, outcome: Outcome) -> CallState:
    """A conversation that the gateway led has come to its end."""
    if state.is_over or state.media is not MediaState.PLAIN:
        return state
    return _confirmed(replace(state, media=MediaState.FINISHED, next_step=step, outcome=outcome))


def given_up(state: CallState) -> CallState:
    """We cannot talk with this caller: a person must, now or later."""
    if state.is_over:
        return state
    outcome = Outcome.FOLLOW_UP if state.outcome is Outcome.FOLLOW_UP else Outcome.REFUSED
    return replace(state, media=MediaState.FINISHED, next_step=NextStep.APOLOGISE, outcome=outcome)


def after_dial(state: CallState, transfer: TransferOutcome) -> CallState:
    """The attempt to put the caller through is over; how it went counts even when the line is down already."""
    if state.next_step not in (NextStep.TRANSFER, NextStep.APOLOGISE):
        return state
    talked = transfer is TransferOutcome.ACCEPTED
    asks = state.takes_messages and not talked and not state.is_over
    return replace(
        state,
        media=MediaState.FINISHED,
        next_step=NextStep.TAKE_MESSAGE if asks else NextStep.HANG_UP,
        outcome=Outcome.TRANSFERRED if talked else Outcome.FOLLOW_UP,
        transfer=transfer,
    )


def after_message(state: CallState) -> CallState:
    """The caller has left a message, or has hung up instead."""
    asked = state.next_step in (NextStep.TAKE_MESSAGE, NextStep.APOLOGISE)
    return replace(state, next_step=NextStep.HANG_UP) if asked else state


def pulled(state: CallState) -> CallState:
    """An operator puts the caller through, whatever the voice process is doing."""
    if state.is_over or state.person is None:
        return state
    return replace(
        state, media=MediaState.FINISHED, next_step=NextStep.TRANSFER, outcome=Outcome.FOLLOW_UP, transfer=None
    )


def machine_answered(state: CallState) -> CallState:
    """A machine is spoken to: the conversation with whoever we thought it was is over."""
    if state.is_over:
        return state
    return replace(state, media=MediaState.FINISHED, next_step=NextStep.HANG_UP)


def after_failure(state: CallState) -> CallState:
    """One of our answers did not reach Twilio.

    What a finished conversation decided stands. Any other call is given up: trying again what has just failed would
    cost the caller more silence.
    """
    if state.is_over:
        return state
    return _confirmed(state) if state.media is MediaState.FINISHED else given_up(state)
