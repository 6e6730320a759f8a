"""Status callbacks of one leg of a call: in order, one at a time, never holding up the call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime

from lab.twilio import forms
from lab.twilio.faults import WebhookFaults
from lab.twilio.pace import Pace
from lab.twilio.records import FINAL, CallRecord, Status
from lab.twilio.webhooks import WebhookFailed, Webhooks

CALLBACK_WARNING = 15003


def wanted(events: Collection[str]) -> frozenset[Status]:
    """The states that the given `StatusCallbackEvent` values ask for; only the end when none are given."""
    states: set[Status] = set()
    names: dict[str, tuple[Status, ...]] = {
        "initiated": ("initiated",),
        "ringing": ("ringing",),
        "answered": ("in-progress",),
        "completed": FINAL,
    }
    for event in events or ("completed",):
        states.update(names.get(event, ()))
    return frozenset(states)


class StatusReports:
    """Sends a leg's status callbacks."""

    def __init__(
        self,
        record: CallRecord,
        webhooks: Webhooks,
        url: str | None,
        method: str,
        states: frozenset[Status],
        pace: Pace,
        faults: WebhookFaults,
        problem: Callable[[int, str], None],
    ) -> None:
        self._record = record
        self._webhooks = webhooks
        self._url = url
        self._method = method
        self._states = states
        self._pace = pace
        self._faults = faults
        self._problem = problem
        self._waiting: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._kept: list[dict[str, str]] = []
        self._sequence = 0

    def report(self, status: Status) -> None:
        """The leg went into this state."""
        if self._url is None or status not in self._states or self._faults.status_lost:
            return
        fields = forms.status_fields(self._record, status, self._sequence, datetime.now(UTC))
        self._sequence += 1
        self._kept.append(fields)
        if not self._faults.status_backwards:
            self._waiting.put_nowait(fields)
        elif status in FINAL:
            for kept in reversed(self._kept):
                self._waiting.put_nowait(kept)

    async def send(self) -> None:
        """Send what is reported, for ever."""
        while True:
            fields = await self._waiting.get()
            try:
                await self._pace.sleep(self._faults.status_delay_s)
                for _ in range(self._faults.status_repeats + 1):
                    await self._send_one(fields)
            finally:
                self._waiting.task_done()

    async def sent(self) -> None:
        """Wait until everything reported so far was sent."""
        await self._waiting.join()

    async def _send_one(self, fields: dict[str, str]) -> None:
        if self._url is None:
            return
        try:
            await self._webhooks.send(self._url, fields, self._method, purpose="status")
        except WebhookFailed as failure:
            self._problem(CALLBACK_WARNING, f"status callback failed: {failure.code} {failure}")
