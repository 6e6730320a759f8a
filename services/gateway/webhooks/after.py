"""`/twilio/voice/after`: the media stream has ended; `/twilio/voice/after/dial`: a person was rung."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.gateway.webhooks.next_step import (
    MOST_GENERATIONS,
    after_dial,
    after_stream,
    answer_after_dial,
)
from services.gateway.webhooks.report import CallReport
from services.gateway.webhooks.signed import Report, TwilioSigned
from services.gateway.wiring import Wired

routes = APIRouter(include_in_schema=False)
_GENERATIONS = frozenset(str(generation) for generation in range(1, MOST_GENERATIONS + 1))


@routes.post("/twilio/voice/after", dependencies=[Depends(TwilioSigned())])
async def after(report: Report, wiring: Wired, generation: str = "") -> Response:
    """Hang up, put through, or connect again, as the row says; `generation` is the stream that ended.

    The number stands in the address that we gave out, under Twilio's signature. Without it the present stream is meant.
    """
    ended = int(generation) if generation in _GENERATIONS else None
    return await wiring.switchboard.answer(
        report, lambda state: after_stream(state, state.generation if ended is None else ended)
    )


@routes.post("/twilio/voice/after/dial", dependencies=[Depends(TwilioSigned())])
async def dialled(report: Report, wiring: Wired) -> Response:
    """Whether somebody took the call; if not, the caller is promised a call back."""
    return await wiring.switchboard.answer(report, partial(after_dial, bridged=was_bridged(report)), answer_after_dial)


def was_bridged(report: CallReport) -> bool:
    """Whether a person and the caller were connected. Only `DialBridged` proves it; older requests lack it."""
    if "DialBridged" in report.fields:
        return report.fields["DialBridged"] == "true"
    return report.fields.get("DialCallStatus") in ("completed", "answered")
