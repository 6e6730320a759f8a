"""A call that wants a voice process while none is free: who connects, who waits, who is told what else. Pure.

A caller who waits hears one document after another, numbered, so that a repeated webhook is answered with the document
it was answered with before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from services.gateway.webhooks.next_step import KEYS, CallState
from shared.admission.slots import Verdict
from shared.contracts.calls import MediaState, NextStep, WhenFull
from shared.contracts.conversations import Outcome

MOST_ROUNDS: Final = 8
"""Documents a caller is held with, ten seconds each, before something else is done for them."""
_STEPS: Final = {WhenFull.CALL_BACK: NextStep.CALL_BACK, WhenFull.VOICEMAIL: NextStep.TAKE_MESSAGE}


def wants_slot(state: CallState) -> bool:
    """Whether the call is to be connected to a voice process that has not taken it."""
    return state.media is MediaState.EXPECTED and not state.is_over


def seated(state: CallState, verdict: Verdict) -> CallState:
    """A call that wants a slot, when it is known whether there is one.

    A lost call does not wait: its caller was cut off in the middle of a conversation, and that goes on without a voice
    process, which nobody has to wait for.
    """
    if verdict in (Verdict.ADMITTED, Verdict.UNKNOWN):
        return state
    if verdict is Verdict.NO_TIER or state.generation > 1:
        return replace(state, media=MediaState.PLAIN)
    if WhenFull.WAIT in state.when_full and state.rounds_waited < MOST_ROUNDS:
        return replace(state, media=MediaState.WAITING, rounds_waited=state.rounds_waited + 1)
    return _turned_away(state, next((offer for offer in state.when_full if offer in _STEPS), WhenFull.CALL_BACK))


def after_round(state: CallState, round_over: int, key: str) -> CallState:
    """Document number `round_over` was played to a caller who waits; `key` is what they pressed, if anything.

    Without a key the call wants a slot again. An older document's end was dealt with before.
    """
    if state.media is not MediaState.WAITING or round_over != state.rounds_waited or state.is_over:
        return state
    chosen = next((offer for offer in state.when_full if KEYS.get(offer) == key), None)
    return replace(state, media=MediaState.EXPECTED) if chosen is None else _turned_away(state, chosen)


def _turned_away(state: CallState, offer: WhenFull) -> CallState:
    """Nobody talks to this caller now: a person has to call back, or to listen to the message."""
    return replace(state, media=MediaState.FINISHED, next_step=_STEPS[offer], outcome=Outcome.REFUSED)
