"""`/twilio/recording`: a recording is ready, or there is none."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.gateway.webhooks.signed import Report, TwilioSigned
from services.gateway.wiring import Wired
from shared.contracts.calls import RecordingKind, RecordingStatus
from shared.observability.metrics import webhooks_rejected_total

routes = APIRouter(include_in_schema=False)
LEFT_BY_CALLER = "RecordVerb"
"""Twilio's word for what `<Record>` has recorded."""


@routes.post("/twilio/recording", status_code=204, dependencies=[Depends(TwilioSigned())])
async def recorded(report: Report, wiring: Wired) -> Response:
    """Keep a reference, and have the ticket told."""
    nothing = Response(status_code=204)
    try:
        status = RecordingStatus(report.fields.get("RecordingStatus", ""))
    except ValueError:
        webhooks_rejected_total.labels(reason="unknown_status").inc()
        return nothing
    left = report.fields.get("RecordingSource") == LEFT_BY_CALLER
    await wiring.recordings.note(report, RecordingKind.MESSAGE if left else RecordingKind.CALL, status)
    return nothing
