"""What happens next in a call: pure functions of the row and of what Twilio reported.

Each webhook may come twice. A transition applied twice gives the same state as once, and the answer is read from the
state alone, so that a repeat is answered with the same document.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from shared.contracts.calls import CallStatus, MediaState, NextStep
from shared.contracts.conversations import Outcome

MOST_GENERATIONS = 3
"""How often a call is connected to a voice process before we stop trying and let a person call."""


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

    @property
    def is_over(self) -> bool:
        """Whether the line is down; what we answer is not heard any more."""
        return self.status.is_final or self.is_closed


@dataclass(frozen=True, slots=True)
class Connect:
    """Connect the line to a voice process, as this generation of its stream."""

    generation: int


@dataclass(frozen=True, slots=True)
class PutThrough:
    """Ring a person."""

    number: str
    apologising: bool


class Farewell(StrEnum):
    """Sentences before we hang up."""

    NONE = "none"
    """The goodbye was said."""
    TROUBLE = "trouble"
    """We could not go on."""
    NOBODY_FREE = "nobody_free"
    """A person was rung and did not answer."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call after this sentence."""

    farewell: Farewell


Answer = Connect | PutThrough | HangUp


def answer(state: CallState) -> Answer:
    """What the line does now."""
    if state.is_over:
        return HangUp(Farewell.NONE)
    if state.media is not MediaState.FINISHED:
        return Connect(state.generation)
    if state.next_step is NextStep.HANG_UP:
        return HangUp(Farewell.NONE)
    if state.person is not None:
        return PutThrough(state.person, apologising=state.next_step is not NextStep.TRANSFER)
    return HangUp(Farewell.TROUBLE)


def answer_after_dial(state: CallState) -> Answer:
    """What the line does when a person was rung."""
    talked = state.outcome is Outcome.TRANSFERRED
    return HangUp(Farewell.NONE if talked or state.is_over else Farewell.NOBODY_FREE)


def after_stream(state: CallState, ended: int) -> CallState:
    """The stream of generation `ended` is over, or never came about.

    A finished conversation stands. A lost one is connected again as the next generation, at most MOST_GENERATIONS in
    all. An older generation's end was dealt with before; one that the row never reached was forgotten with a row.
    """
    if state.is_over or ended < state.generation:
        return state
    if state.media is MediaState.FINISHED:
        return _confirmed(state)
    if ended >= MOST_GENERATIONS:
        return given_up(state)
    return replace(state, generation=ended + 1, media=MediaState.EXPECTED)


def _confirmed(state: CallState) -> CallState:
    """A finished conversation's next step, as far as it can be taken.

    Until somebody took the call, a transfer counts as something left to do.
    """
    if state.next_step is NextStep.HANG_UP:
        return state
    if state.next_step is NextStep.TRANSFER and state.person is not None:
        return replace(state, outcome=Outcome.FOLLOW_UP)
    return given_up(state)


def given_up(state: CallState) -> CallState:
    """We cannot talk with this caller: a person must, now or later."""
    if state.is_over:
        return state
    outcome = Outcome.FOLLOW_UP if state.outcome is Outcome.FOLLOW_UP else Outcome.REFUSED
    return replace(state, media=MediaState.FINISHED, next_step=NextStep.APOLOGISE, outcome=outcome)


def after_dial(state: CallState, *, bridged: bool) -> CallState:
    """The attempt to put the caller through is over; how it went counts even when the line is down already."""
    if state.next_step not in (NextStep.TRANSFER, NextStep.APOLOGISE):
        return state
    outcome = Outcome.TRANSFERRED if bridged else Outcome.FOLLOW_UP
    return replace(state, media=MediaState.FINISHED, next_step=NextStep.HANG_UP, outcome=outcome)


def after_failure(state: CallState) -> CallState:
    """One of our answers did not reach Twilio.

    What a finished conversation decided stands. Any other call is given up: trying again what has just failed would
    cost the caller more silence.
    """
    if state.is_over:
        return state
    return _confirmed(state) if state.media is MediaState.FINISHED else given_up(state)
