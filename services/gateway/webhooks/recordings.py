"""References to what Twilio has recorded: kept once, whatever comes twice or in the wrong order."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.webhooks.billing import Billing, recording_used
from services.gateway.webhooks.call_book import CallBook
from services.gateway.webhooks.report import CallReport
from shared.contracts.calls import RecordingKind, RecordingStatus
from shared.contracts.tasks import TaskName
from shared.database.engine import AsyncSessions
from shared.database.models import Recording, Ticket
from shared.database.transactions import transaction
from shared.messaging.outbox import outbox_row
from shared.observability.context import bound
from shared.observability.logs import get_logger
from shared.security.xml_text import clean_xml_text

log = get_logger(__name__)

_RECORDING_SID = re.compile(r"RE[0-9a-f]{32}\Z")
LONGEST_URL = 500
LONGEST_S = 24 * 3600


class Recordings:
    """Notes recordings in the record, and has the ticket told of those that can be listened to."""

    def __init__(self, sessions: AsyncSessions, billing: Billing) -> None:
        self._sessions = sessions
        self._billing = billing

    async def note(self, report: CallReport, kind: RecordingKind, status: RecordingStatus | None = None) -> None:
        """What this report says about a recording of its call; nothing when it names none.

        `status` None: it exists, and Twilio will say when it is ready. Raises Transient when the record is away.
        """
        sid = report.fields.get("RecordingSid", "")
        if not _RECORDING_SID.match(sid):
            return
        async with transaction(self._sessions) as session:
            rows = await CallBook(session).find(report.call_sid)
            if rows is None:
                log.warning("status_of_unknown_call", call_sid=report.call_sid)
                return
            with bound(trace_id=rows.conversation.trace_id, call_sid=report.call_sid):
                is_news = await _keep(session, sid, rows.call.id, kind, status, report)
                log.info("recording_noted", kind=kind.value, status=status.value if status else "")
                if status is RecordingStatus.COMPLETED and is_news:
                    await _tell_ticket(session, rows.conversation.id)
                    if (seconds := _seconds(report)) is not None:
                        await self._billing.note(session, rows.conversation, sid, recording_used(seconds))


async def _keep(
    session: AsyncSession, sid: str, call_id: UUID, kind: RecordingKind, status: RecordingStatus | None,
    report: CallReport,
) -> bool:  # fmt: skip
    """Insert or complete the row; whether that changed it. A recording that is ready, or absent, stays so."""
    url, seconds = _url(report), _seconds(report)
    first = insert(Recording).values(
        recording_sid=sid, call_id=call_id, kind=kind, status=status or RecordingStatus.IN_PROGRESS, url=url,
        seconds=seconds,
    )  # fmt: skip
    known: dict[str, ColumnElement[Any]] = {
        "url": func.coalesce(first.excluded.url, Recording.url),
        "seconds": func.coalesce(first.excluded.seconds, Recording.seconds),
    }
    if status is not None:
        known["status"] = first.excluded.status
        known["kind"] = first.excluded.kind
    keeping = first.on_conflict_do_update(
        index_elements=[Recording.recording_sid],
        set_={**known, "updated_at": func.now()},
        where=or_(*(getattr(Recording, name).is_distinct_from(value) for name, value in known.items())),
    )
    if status is RecordingStatus.IN_PROGRESS:
        keeping = first.on_conflict_do_nothing()
    return await session.scalar(keeping.returning(Recording.recording_sid)) is not None


async def _tell_ticket(session: AsyncSession, conversation_id: UUID) -> None:
    """The ticket that stands gets a note; one that does not exist yet is written with the recording in it."""
    ticket_id = await session.scalar(select(Ticket.id).where(Ticket.conversation_id == conversation_id))
    if ticket_id is not None:
        session.add(outbox_row(TaskName.UPDATE_TICKET, ticket_id, ticket_id=ticket_id))


def _url(report: CallReport) -> str | None:
    """Where it can be listened to; it becomes a link in a ticket, so nothing but a web address passes."""
    url = clean_xml_text(report.fields.get("RecordingUrl", ""), LONGEST_URL)
    return url if urlsplit(url).scheme in ("http", "https") else None


def _seconds(report: CallReport) -> int | None:
    reported = report.fields.get("RecordingDuration", "")
    usable = reported.isascii() and reported.isdecimal() and len(reported) <= len(str(LONGEST_S))
    return min(int(reported), LONGEST_S) if usable else None
