"""The leg that `<Dial>` adds: somebody else's telephone rings, and the two are put through."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lab.races import first_of
from lab.twilio.bridge import Bridge
from lab.twilio.line import ignore
from lab.twilio.people import Person
from lab.twilio.records import CallRecord, Status
from lab.twilio.statuses import StatusReports, wanted
from lab.twilio.twiml import Verb

if TYPE_CHECKING:
    from lab.twilio.call import Call


class DialLeg:
    """One dialled number."""

    def __init__(self, call: Call, noun: Verb, status_callback: str | None, timeout_s: float, limit_s: float) -> None:
        self.record = CallRecord(
            sid="CA" + secrets.token_hex(16),
            account_sid=call.record.account_sid,
            parent_sid=call.record.sid,
            from_number=call.record.from_number,
            to_number=noun.text,
            direction="outbound-dial",
            placed_at=datetime.now(UTC),
        )
        self._call = call
        self._timeout_s = timeout_s
        self._limit_s = limit_s
        attributes = noun.attributes
        self._brief = (attributes["url"], attributes.get("method", "POST")) if "url" in attributes else None
        self._reports = StatusReports(
            self.record,
            call.webhooks,
            status_callback,
            attributes.get("statusCallbackMethod", "POST"),
            wanted(attributes.get("statusCallbackEvent", "").split()),
            call.pace,
            call.faults.webhooks,
            call.log.problem,
        )
        self._sending = asyncio.ensure_future(self._reports.send())
        self._bridge: Bridge | None = None

    async def talk(self) -> None:
        """Ring, and when somebody answers, put the caller through until one of them hangs up."""
        callee = self._call.settings.callee(self.record.to_number)
        self._set("initiated")
        self._set("ringing")
        await self._call.pace.sleep(min(callee.answers_after_s, self._timeout_s))
        if callee.answers_after_s > self._timeout_s:
            self._set("no-answer")
        elif callee.outcome != "completed":
            self._set(callee.outcome)
        else:
            await self._picked_up(callee.person())

    async def _picked_up(self, person: Person) -> None:
        """They hear the number's own document first, when there is one; at its end they are put through."""
        self.record.answered_at = self._call.log.now()
        self._set("in-progress")
        if self._brief is None or await self._call.brief(self.record, person, *self._brief):
            await self._put_through(Bridge(person))

    async def _put_through(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._call.line.connect(bridge.to_caller, ignore, bridge)
        await first_of(_until(bridge.hung_up), self._call.pace.sleep(self._limit_s))

    async def end(self) -> None:
        """The leg is over, whoever ended it; its last status callback is sent."""
        self.record.ended_at = self._call.log.now()
        if self.record.status == "in-progress":
            self._set("completed")
        elif self.record.status in ("queued", "initiated", "ringing"):
            self._set("canceled")
        self._call.line.disconnect()
        await self._reports.sent()
        self._sending.cancel()

    def fields(self) -> dict[str, str]:
        """What `<Dial action>` is told."""
        fields = {
            "DialCallStatus": self.record.status,
            "DialCallSid": self.record.sid,
            "DialBridged": "true" if self._bridge is not None else "false",
        }
        if self._bridge is not None:
            fields["DialCallDuration"] = str(round(self.record.duration_s))
        return fields

    def _set(self, status: Status) -> None:
        self.record.status = status
        self._reports.report(status)


async def _until(event: asyncio.Event) -> None:
    await event.wait()
