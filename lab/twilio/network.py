"""The telephone network: who can be called, and every call there is or was."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from lab.twilio.call import Call, Plan
from lab.twilio.faults import FaultBox, Faults
from lab.twilio.interpreter import Fetch
from lab.twilio.people import Person
from lab.twilio.records import CallRecord, Direction
from lab.twilio.settings import PhoneSettings
from shared.task_group import TaskSet

CLOSE_S = 3.0
"""Wall-clock seconds that calls get to say goodbye when the network is closed."""


class NoSuchNumber(Exception):
    """The account has no such number."""


class PhoneNetwork:
    """Places calls and remembers them."""

    def __init__(self, settings: PhoneSettings, faults: Faults | None = None) -> None:
        self.settings = settings
        self.faults = FaultBox(faults)
        self._calls: OrderedDict[str, Call] = OrderedDict()
        self._tasks = TaskSet("telephone calls")

    def call_in(
        self,
        from_number: str,
        person: Person,
        to_number: str | None = None,
        *,
        scenario: str | None = None,
        faults: Faults | None = None,
        speed: float | None = None,
    ) -> Call:
        """Somebody calls one of the account's numbers, the first when none is named. Raises NoSuchNumber.

        `speed` is this call's own, instead of the network's.
        """
        to_number = to_number or next(iter(self.settings.numbers), "")
        number = self.settings.numbers.get(to_number)
        if number is None:
            raise NoSuchNumber(f"{to_number or 'no number'} is not one of {', '.join(self.settings.numbers) or 'none'}")
        plan = Plan(
            first=Fetch(number.voice_url, number.voice_method, purpose="voice"),
            fallback=(number.fallback_url, number.fallback_method) if number.fallback_url else None,
            status_callback=number.status_callback,
            status_method=number.status_method,
        )
        return self._start(from_number, to_number, "inbound", plan, person, scenario, faults, speed)

    def call_out(self, from_number: str, to_number: str, plan: Plan) -> Call:
        """The account calls somebody."""
        person = self.settings.callee(to_number).person()
        return self._start(from_number, to_number, "outbound-api", plan, person, None, None, None)

    def _start(
        self,
        from_number: str,
        to_number: str,
        direction: Direction,
        plan: Plan,
        person: Person,
        scenario: str | None,
        faults: Faults | None,
        speed: float | None,
    ) -> Call:
        settings = self.settings if speed is None else replace(self.settings, speed=speed)
        record = CallRecord(
            sid="CA" + secrets.token_hex(16),
            account_sid=self.settings.account_sid,
            from_number=from_number,
            to_number=to_number,
            direction=direction,
            placed_at=datetime.now(UTC),
            scenario=scenario,
        )
        call = Call(record, plan, person, settings, faults or self.faults.for_a_call())
        self._calls[record.sid] = call
        self._tasks.start(call.run(), f"call {record.sid}")
        self._forget()
        return call

    def _forget(self) -> None:
        """Drop the oldest finished calls beyond the number that is kept."""
        for sid in list(self._calls)[: max(0, len(self._calls) - self.settings.most_records)]:
            if self._calls[sid].over.is_set():
                del self._calls[sid]

    def call(self, sid: str) -> Call | None:
        """A call by its SID."""
        return self._calls.get(sid)

    def calls(self) -> Iterator[Call]:
        """Every call remembered, the newest first."""
        return reversed(self._calls.values())

    def records(self) -> Iterator[CallRecord]:
        """Every leg, the newest call first."""
        for call in self.calls():
            yield from reversed(call.children)
            yield call.record

    def recording(self, sid: str) -> bytes | None:
        """A recording as a WAV file."""
        return next((call.recordings[sid] for call in self.calls() if sid in call.recordings), None)

    def forget_recording(self, sid: str) -> bool:
        """Delete a recording; False when there is none."""
        for call in self.calls():
            if call.recordings.pop(sid, None) is not None:
                call.record.recordings[:] = [kept for kept in call.record.recordings if kept.sid != sid]
                return True
        return False

    async def close(self) -> None:
        """End all calls as if every caller hung up, and wait a little for what they still report."""
        for call in self.calls():
            if call.is_active:
                call.hang_up("caller")
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._tasks.wait()
        await self._tasks.close()
