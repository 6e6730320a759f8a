"""`/twilio/voice/plain`: a caller has answered, or was silent, on a line that no voice process leads."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.gateway.plain_line.line import MOST_TURNS
from services.gateway.webhooks.signed import Report, TwilioSigned
from services.gateway.wiring import Wired

routes = APIRouter(include_in_schema=False)
_TURNS = {str(turn): turn for turn in range(1, MOST_TURNS + 2)}


@routes.post("/twilio/voice/plain", dependencies=[Depends(TwilioSigned())])
async def plain(report: Report, wiring: Wired, turn: str = "") -> Response:
    """Say reply number `turn`; the number stands in the address that we gave out, under Twilio's signature."""
    return await wiring.plain_line.answer(report, _TURNS.get(turn, 1))
