"""`/twilio/voice`: a call comes in, or somebody has picked up a call of ours."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.gateway.webhooks.limited import not_taken
from services.gateway.webhooks.next_step import unchanged
from services.gateway.webhooks.signed import Report, TwilioSigned
from services.gateway.wiring import Wired

routes = APIRouter(include_in_schema=False)


@routes.post("/twilio/voice", dependencies=[Depends(TwilioSigned(is_counted=False))])
async def voice(report: Report, wiring: Wired) -> Response:
    """Make the call's rows and connect it to a voice process; a repeat gets the same document.

    A call over a limit hears so and ends.
    """
    refusal = await wiring.call_limits.begins(report)
    if refusal is not None:
        return not_taken(report, refusal, wiring.agents)
    return await wiring.switchboard.answer(report, unchanged)
