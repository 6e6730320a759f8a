"""What follows a verb: a stream or session ended, a person was rung, a message was left, an operator stepped in."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.gateway.webhooks.next_step import (
    MOST_GENERATIONS,
    CallState,
    after_dial,
    after_message,
    after_stream,
    answer_after_dial,
    answer_after_message,
    pulled,
)
from services.gateway.webhooks.relay_end import read_relay_end
from services.gateway.webhooks.report import CallReport
from services.gateway.webhooks.signed import Report, TwilioSigned
from services.gateway.webhooks.transfer_outcome import transfer_outcome
from services.gateway.wiring import Wired
from shared.contracts.calls import RecordingKind
from shared.observability.logs import get_logger

log = get_logger(__name__)
routes = APIRouter(include_in_schema=False)
GENERATIONS = frozenset(str(generation) for generation in range(1, MOST_GENERATIONS + 1))


@routes.post("/twilio/voice/after", dependencies=[Depends(TwilioSigned())])
async def after(report: Report, wiring: Wired, generation: str = "") -> Response:
    """Hang up, put through, or connect again, as the row says; `generation` is the stream that ended.

    The number stands in the address that we gave out, under Twilio's signature. Without it the present stream is meant.
    """
    ended = int(generation) if generation in GENERATIONS else None
    relay = read_relay_end(report.fields)
    if report.fields.get("SessionStatus") == "failed":
        code = report.fields.get("ErrorCode", "")
        log.warning("relay_failed", call_sid=report.call_sid, error_code=code if code.isdecimal() else "")
    return await wiring.switchboard.answer(
        report, lambda state: after_stream(state, state.generation if ended is None else ended, relay)
    )


@routes.post("/twilio/voice/after/dial", dependencies=[Depends(TwilioSigned())])
async def dialled(report: Report, wiring: Wired) -> Response:
    """What became of ringing a person; without them the caller leaves a message, or is promised a call back."""
    return await wiring.switchboard.answer(report, partial(decide_transfer, report=report), answer_after_dial)


def decide_transfer(state: CallState, report: CallReport) -> CallState:
    """The state after the dial that this report is about."""
    return after_dial(state, transfer_outcome(report, state.transfer_mode, state.transfer))


@routes.post("/twilio/voice/after/message", dependencies=[Depends(TwilioSigned())])
async def message_left(report: Report, wiring: Wired) -> Response:
    """The caller has left a message, or hung up while they did."""
    await wiring.recordings.note(report, RecordingKind.MESSAGE)
    return await wiring.switchboard.answer(report, after_message, answer_after_message)


@routes.post("/twilio/voice/put-through", dependencies=[Depends(TwilioSigned())])
async def put_through(report: Report, wiring: Wired) -> Response:
    """An operator has taken the call out of its voice process."""
    return await wiring.switchboard.answer(report, pulled)
