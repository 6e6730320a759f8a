"""`/twilio/status`: how the call stands, best effort and in any order."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.gateway.webhooks.report import read_status
from services.gateway.webhooks.signed import Report, TwilioSigned
from services.gateway.webhooks.status_notes import note_status
from services.gateway.wiring import Wired
from shared.observability.logs import get_logger
from shared.observability.metrics import webhooks_rejected_total

log = get_logger(__name__)
routes = APIRouter(include_in_schema=False)


@routes.post("/twilio/status", status_code=204, dependencies=[Depends(TwilioSigned())])
async def status(report: Report, wiring: Wired) -> Response:
    """Note the call's state; its end closes the conversation when the voice process is done as well."""
    if read_status(report.fields.get("CallStatus", "")) is None:
        webhooks_rejected_total.labels(reason="unknown_status").inc()
    elif not await note_status(wiring.sessions, wiring.billing, report, wiring.clock.now()):
        webhooks_rejected_total.labels(reason="unknown_call").inc()
        log.warning("status_of_unknown_call", call_sid=report.call_sid, status=report.status)
    return Response(status_code=204)
