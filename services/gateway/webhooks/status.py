"""`/twilio/status`: how the call stands, best effort and in any order."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.gateway.webhooks.call_book import CallBook, CallRows
from services.gateway.webhooks.report import CallReport, read_status
from services.gateway.webhooks.signed import Report, TwilioSigned
from services.gateway.webhooks.switchboard import count_end
from services.gateway.wiring import Wired
from shared.contracts.calls import CallStatus
from shared.database.transactions import transaction
from shared.observability.context import bound
from shared.observability.logs import get_logger
from shared.observability.metrics import webhooks_rejected_total

log = get_logger(__name__)
routes = APIRouter(include_in_schema=False)

LONGEST_CALL_S = 24 * 3600
"""Twilio's own limit; a longer duration is a mistake."""


@routes.post("/twilio/status", status_code=204, dependencies=[Depends(TwilioSigned())])
async def status(report: Report, wiring: Wired) -> Response:
    """Note the call's state; its end closes the conversation when the voice process is done as well."""
    nothing = Response(status_code=204)
    if read_status(report.fields.get("CallStatus", "")) is None:
        webhooks_rejected_total.labels(reason="unknown_status").inc()
        return nothing
    now = wiring.clock.now()
    closed = False
    async with transaction(wiring.sessions) as session:
        book = CallBook(session)
        rows = await book.find_known(report, now)
        if rows is None:
            webhooks_rejected_total.labels(reason="unknown_call").inc()
            log.warning("status_of_unknown_call", call_sid=report.call_sid, status=report.status)
            return nothing
        with bound(trace_id=rows.conversation.trace_id, call_sid=report.call_sid):
            _apply(rows, report, now)
            if report.status.is_final:
                closed = await book.close_if_over(rows, now)
    if closed:
        count_end(rows)
    return nothing


def _apply(rows: CallRows, report: CallReport, now: datetime) -> None:
    """Write what is news: a report that ranks no higher than the row came late or twice."""
    call = rows.call
    if report.status.rank <= CallStatus(call.status).rank:
        return
    call.status = report.status
    if report.status is CallStatus.IN_PROGRESS:
        call.answered_at = call.answered_at or now
    if report.status.is_final:
        call.ended_at = now
        call.duration_seconds = _duration(report)
        if call.duration_seconds and call.answered_at is None:
            call.answered_at = now - timedelta(seconds=call.duration_seconds)
    log.info("call_status", status=report.status)


def _duration(report: CallReport) -> int | None:
    """Seconds; `CallDuration`, because `Duration` counts minutes."""
    reported = report.fields.get("CallDuration", "")
    usable = reported.isascii() and reported.isdecimal() and len(reported) <= len(str(LONGEST_CALL_S))
    return min(int(reported), LONGEST_CALL_S) if usable else None
