"""How a call stands, written into the record: by a status report, or because Twilio was asked."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.gateway.webhooks.billing import Billing
from services.gateway.webhooks.call_book import CallBook, CallRows
from services.gateway.webhooks.report import CallReport
from services.gateway.webhooks.switchboard import count_end
from shared.contracts.calls import CallStatus
from shared.database.engine import AsyncSessions
from shared.database.transactions import transaction
from shared.observability.context import bound
from shared.observability.logs import get_logger

log = get_logger(__name__)

LONGEST_CALL_S = 24 * 3600
"""Twilio's own limit; a longer duration is a mistake."""


async def note_status(sessions: AsyncSessions, billing: Billing, report: CallReport, now: datetime) -> bool:
    """Write what is news, and close the conversation when that was its end; False for a call that nobody knows."""
    closed = False
    async with transaction(sessions) as session:
        book = CallBook(session)
        rows = await book.find_known(report, now)
        if rows is None:
            return False
        with bound(trace_id=rows.conversation.trace_id, call_sid=report.call_sid):
            apply_status(rows, report, now)
            if report.status.is_final:
                await billing.note_end(session, rows.conversation, rows.call)
                closed = await book.close_if_over(rows, now)
    if closed:
        count_end(rows)
    return True


def apply_status(rows: CallRows, report: CallReport, now: datetime) -> None:
    """Write what is news: a report that ranks no higher than the row came late or twice."""
    call = rows.call
    if report.status.rank <= CallStatus(call.status).rank:
        return
    call.status = report.status
    if report.status is CallStatus.IN_PROGRESS:
        rows.picked_up(now)
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
