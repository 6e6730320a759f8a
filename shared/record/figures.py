"""What the record says of a call in numbers: how it went, and what it cost as far as that is known. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import median

from shared.contracts.calls import MediaState, TransferOutcome
from shared.database.models import Call, CallSession, Charge, Recording, Transfer

NOT_BILLED = (TransferOutcome.BUSY, TransferOutcome.NO_ANSWER, TransferOutcome.FAILED)
"""Outcomes of ringing a person that Twilio makes nothing of: nobody picked up."""


@dataclass(frozen=True, slots=True)
class StageFigures:
    """One stage of the answers of a call, in milliseconds."""

    count: int
    median_ms: float
    worst_ms: float


def stage_figures(stages: Iterable[Mapping[str, float]]) -> dict[str, StageFigures]:
    """By stage, over the turns that have it."""
    times: dict[str, list[float]] = defaultdict(list)
    for turn in stages:
        for stage, milliseconds in turn.items():
            times[stage].append(float(milliseconds))
    return {
        stage: StageFigures(len(found), round(median(found), 2), round(max(found), 2)) for stage, found in times.items()
    }


@dataclass(frozen=True, slots=True)
class SessionFigures:
    """All sessions of a call together, however many processes had it."""

    interruptions: int
    false_interruptions: int
    silences: int
    kept_characters: int


def session_figures(sessions: Sequence[CallSession]) -> SessionFigures:
    """The sum over the generations that left their figures."""
    return SessionFigures(
        interruptions=sum(one.interruptions for one in sessions),
        false_interruptions=sum(one.false_interruptions for one in sessions),
        silences=sum(one.silences for one in sessions),
        kept_characters=sum(one.kept_characters for one in sessions),
    )


@dataclass(frozen=True, slots=True)
class Billed:
    """Everything of the record that a call's cost is read from."""

    call: Call
    is_closed: bool
    sessions: Sequence[CallSession]
    charges: Sequence[Charge]
    transfer: Transfer | None
    recordings: Sequence[Recording]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call cost by the rate card."""

    known: Mapping[str, Decimal]
    """By currency: the sum of everything that has a price."""
    unknown: tuple[str, ...]
    """What it must have cost besides, in words."""
    rates_of: date | None
    """The youngest first day of a rate that was used."""

    def written(self) -> dict[str, str]:
        """`known` with exact amounts as strings, without needless zeros."""
        return {currency: written(amount) for currency, amount in sorted(self.known.items())}


def written(amount: Decimal) -> str:
    """An amount to the last digit, never as a power of ten."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def cost_of(billed: Billed) -> Cost:
    """The cost as it is known by now. Something that was used without leaving a figure is unknown, not nothing."""
    known: dict[str, Decimal] = defaultdict(Decimal)
    unpriced: list[str] = []
    for charge in billed.charges:
        if charge.amount is not None and charge.currency is not None:
            known[charge.currency] += charge.amount
        elif charge.quantity:
            unpriced.append(f"no price for {charge.item} of {charge.provider}, by {charge.unit}")
    dates = [charge.rate_valid_from for charge in billed.charges if charge.rate_valid_from is not None]
    return Cost(known, tuple(dict.fromkeys([*unpriced, *_missing(billed)])), max(dates, default=None))


def _missing(billed: Billed) -> Iterable[str]:
    """What was used and has left no figure."""
    call = billed.call
    if not billed.is_closed:
        yield "the call is not over"
    elif call.duration_seconds is None:
        yield "how long the call was: Twilio has not said"
    left = {session.generation for session in billed.sessions}
    for generation in _generations(billed):
        if generation not in left:
            yield f"what the voice process of generation {generation} used: it left no figures"
    transfer = billed.transfer
    if transfer is not None and transfer.seconds is None and transfer.outcome not in NOT_BILLED:
        yield "how long the person who was rung was on the line"
    for recording in billed.recordings:
        if recording.seconds is None and recording.status != "absent":
            yield "how long a recording is"


def _generations(billed: Billed) -> range:
    """Those that a voice process may have carried. The newest has had none while its stream is still expected."""
    call = billed.call
    never_connected = call.media_state == MediaState.EXPECTED
    last = call.stream_generation - 1 if never_connected else call.stream_generation
    return range(1, last + 1) if call.answered_at is not None else range(0)
