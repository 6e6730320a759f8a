"""References to what Twilio has recorded: kept once, whatever comes twice or in the wrong order."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.webhooks.billing import Billing, recording_used
from services.gateway.webhooks.call_book import CallBook
from services.gateway.webhooks.kept_recordings import KeptRecordings, KeptReport
from services.gateway.webhooks.outages import KEPT_WITHIN_S, Outages
from services.gateway.webhooks.report import CallReport
from services.gateway.webhooks.switchboard import RECORD_WITHIN_S
from shared.clock import Clock
from shared.contracts.calls import RecordingKind, RecordingStatus
from shared.contracts.tasks import TaskName
from shared.database.engine import AsyncSessions
from shared.database.models import Recording, Ticket
from shared.database.transactions import transaction
from shared.errors import Transient
from shared.messaging.outbox import outbox_row
from shared.messaging.shared_values import AWAY, heed_cancellation
from shared.observability.context import bound
from shared.observability.logs import get_logger
from shared.security.xml_text import clean_xml_text

log = get_logger(__name__)

_RECORDING_SID = re.compile(r"RE[0-9a-f]{32}\Z")
_ABOUT_A_RECORDING = ("RecordingSid", "RecordingUrl", "RecordingDuration")
LOOK_EVERY_S = 1.0
UNKNOWN_FOR = timedelta(minutes=2)
"""How long a report waits for a call that nobody knows: it may be on its way into the record."""
LONGEST_URL = 500
LONGEST_S = 24 * 3600


class Recordings:
    """Notes recordings in the record, and has the ticket told of those that can be listened to."""

    def __init__(
        self, sessions: AsyncSessions, billing: Billing, outages: Outages, kept: KeptRecordings, clock: Clock
    ) -> None:
        self._sessions = sessions
        self._billing = billing
        self._outages = outages
        self._kept = kept
        self._clock = clock

    async def run(self) -> None:
        """Write what was kept while the record was away, again and again, until cancelled."""
        while True:
            try:
                for name, kept in (await self._kept.waiting()).items():
                    await self._try(name, kept)
            except (*AWAY, Transient) as error:
                log.warning("kept_recordings_wait", error=type(error).__name__)
            heed_cancellation()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _try(self, name: str, kept: KeptReport) -> None:
        """Bring a report back; one that cannot be written stays kept, and holds up no other."""
        try:
            await self._bring_back(name, kept)
        except SQLAlchemyError as error:
            log.error("kept_recording_refused", call_sid=kept.call_sid, error=type(error).__name__)  # noqa: TRY400

    async def _bring_back(self, name: str, kept: KeptReport) -> None:
        """Write one report, after its call; a call that nobody knows may still be brought back by another gateway."""
        if await self._outages.has_kept(kept.call_sid):
            return
        known = await self._outages.ask(
            RECORD_WITHIN_S, self._write(kept.call_sid, kept.fields, kept.kind, kept.status)
        )
        if known or self._clock.now() - kept.came_at > UNKNOWN_FOR:
            await self._kept.forget(name)

    async def note(self, report: CallReport, kind: RecordingKind, status: RecordingStatus | None = None) -> None:
        """What this report says about a recording of its call; nothing when it names none.

        `status` None: it exists, and Twilio will say when it is ready. While the record is away the report is kept.
        Raises Transient when Redis is away as well.
        """
        fields = {name: report.fields[name] for name in _ABOUT_A_RECORDING if name in report.fields}
        if not _RECORDING_SID.match(fields.get("RecordingSid", "")):
            return
        kept = KeptReport(call_sid=report.call_sid, kind=kind, status=status, fields=fields, came_at=self._clock.now())
        if await self._outages.has_kept(report.call_sid):
            await self._keep(kept)  # its call comes into the record first
            return
        try:
            await self._outages.ask(RECORD_WITHIN_S, self._write(report.call_sid, fields, kind, status))
        except Transient as error:
            log.warning("recording_without_record", call_sid=report.call_sid, error=type(error).__name__)
            await self._keep(kept)

    async def _keep(self, report: KeptReport) -> None:
        try:
            async with asyncio.timeout(KEPT_WITHIN_S):
                if await self._kept.keep(report):
                    return
        except AWAY as error:
            raise Transient("neither the record nor Redis answers") from error
        raise Transient("there is no more room for what is kept of recordings")

    async def _write(
        self, call_sid: str, fields: Mapping[str, str], kind: RecordingKind, status: RecordingStatus | None
    ) -> bool:
        """Write it into the record; False for a call that nobody knows. Raises DatabaseAway."""
        sid = fields["RecordingSid"]
        async with transaction(self._sessions) as session:
            rows = await CallBook(session).find(call_sid)
            if rows is None:
                log.warning("status_of_unknown_call", call_sid=call_sid)
                return False
            with bound(trace_id=rows.conversation.trace_id, call_sid=call_sid):
                is_news = await _keep(session, sid, rows.call.id, kind, status, fields)
                log.info("recording_noted", kind=kind.value, status=status.value if status else "")
                if status is RecordingStatus.COMPLETED and is_news:
                    await _tell_ticket(session, rows.conversation.id)
                    if (seconds := _seconds(fields)) is not None:
                        await self._billing.note(session, rows.conversation, sid, recording_used(seconds))
        return True


async def _keep(
    session: AsyncSession, sid: str, call_id: UUID, kind: RecordingKind, status: RecordingStatus | None,
    fields: Mapping[str, str],
) -> bool:  # fmt: skip
    """Insert or complete the row; whether that changed it. A recording that is ready, or absent, stays so."""
    url, seconds = _url(fields), _seconds(fields)
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


def _url(fields: Mapping[str, str]) -> str | None:
    """Where it can be listened to; it becomes a link in a ticket, so nothing but a web address passes."""
    url = clean_xml_text(fields.get("RecordingUrl", ""), LONGEST_URL)
    return url if urlsplit(url).scheme in ("http", "https") else None


def _seconds(fields: Mapping[str, str]) -> int | None:
    reported = fields.get("RecordingDuration", "")
    usable = reported.isascii() and reported.isdecimal() and len(reported) <= len(str(LONGEST_S))
    return min(int(reported), LONGEST_S) if usable else None
