"""`/twilio/status`: how the call stands, best effort and in any order."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.gateway.webhooks.report import CallReport, read_status
from services.gateway.webhooks.signed import Report, TwilioSigned
from services.gateway.webhooks.status_notes import apply_status, note_status
from services.gateway.webhooks.switchboard import RECORD_WITHIN_S
from services.gateway.wiring import Wired
from shared.errors import Transient
from shared.observability.logs import get_logger
from shared.observability.metrics import webhooks_rejected_total

log = get_logger(__name__)
routes = APIRouter(include_in_schema=False)


@routes.post("/twilio/status", status_code=204, dependencies=[Depends(TwilioSigned())])
async def status(report: Report, wiring: Wired) -> Response:
    """Note the call's state; its end closes the conversation when the voice process is done as well."""
    if read_status(report.fields.get("CallStatus", "")) is None:
        webhooks_rejected_total.labels(reason="unknown_status").inc()
    elif not await _noted(report, wiring):
        webhooks_rejected_total.labels(reason="unknown_call").inc()
        log.warning("status_of_unknown_call", call_sid=report.call_sid, status=report.status)
    return Response(status_code=204)


async def _noted(report: CallReport, wiring: Wired) -> bool:
    """Write it into the record, or keep it; False for a call that nobody knows. Raises Transient without both."""
    now = wiring.clock.now()
    if await wiring.outages.has_kept(report.call_sid):
        await wiring.outages.keep(report, now, partial(apply_status, report=report, now=now))
        return True
    try:
        return await wiring.outages.ask(RECORD_WITHIN_S, note_status(wiring.sessions, wiring.billing, report, now))
    except Transient:
        await wiring.outages.keep(report, now, partial(apply_status, report=report, now=now))
        return True
