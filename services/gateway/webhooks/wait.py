"""`/twilio/voice/wait`: a caller who waits for a free voice process has heard one round of it."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.gateway.webhooks.next_step import MOST_GENERATIONS
from services.gateway.webhooks.signed import Report, TwilioSigned
from services.gateway.webhooks.waiting import MOST_ROUNDS, after_round
from services.gateway.wiring import Wired

routes = APIRouter(include_in_schema=False)
_ROUNDS = {str(number): number for number in range(1, MOST_ROUNDS + MOST_GENERATIONS)}


@routes.post("/twilio/voice/wait", dependencies=[Depends(TwilioSigned())])
async def wait(report: Report, wiring: Wired, over: str = "") -> Response:
    """Connect, wait on, or do what the caller chose; `over` is the number of the document that was played."""
    key = report.fields.get("Digits", "")
    return await wiring.switchboard.answer(report, lambda state: after_round(state, _ROUNDS.get(over, 0), key))
