"""`/twilio/voice`: a call comes in, or somebody has picked up a call of ours."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.gateway.webhooks.next_step import unchanged
from services.gateway.webhooks.signed import Report, TwilioSigned
from services.gateway.wiring import Wired

routes = APIRouter(include_in_schema=False)


@routes.post("/twilio/voice", dependencies=[Depends(TwilioSigned())])
async def voice(report: Report, wiring: Wired) -> Response:
    """Make the call's rows and connect it to a voice process; a repeat gets the same document."""
    return await wiring.switchboard.answer(report, unchanged)
