"""Places the planned calls at their times, and keeps what the lab recorded of each."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx
import msgspec

from lab.twilio.records import CallRecord
from tests.chaos.evidence import LabCall, read_call
from tests.chaos.traffic import Kind, Planned

KEPT_FOR_REPLAY = 40
AT_ONCE = {Kind.LIVE: 32, Kind.RELAY: 16, Kind.UNREACHED: 10, Kind.SILENT: 8, Kind.FORGED: 4}
"""Calls of a kind at one time, whatever the plan says: a platform that is slow must not drown."""


class Telephone:
    """Everybody who calls."""

    def __init__(self, address: str, records: Path) -> None:
        self.calls: dict[str, LabCall] = {}
        self.lately: deque[LabCall] = deque(maxlen=KEPT_FOR_REPLAY)
        self.placed = 0
        self.unplaced: Counter[str] = Counter()
        self._records = records.open("ab")
        self._offsets: dict[str, tuple[int, int]] = {}
        limits = httpx.Limits(max_connections=None)
        self._http = httpx.AsyncClient(base_url=address, timeout=httpx.Timeout(30, read=600), limits=limits, trust_env=False)  # fmt: skip  # noqa: E501
        self._free = {kind: asyncio.Semaphore(count) for kind, count in AT_ONCE.items()}

    async def run(self, plan: Sequence[Planned], began: float) -> None:
        """Place every call at its time, and return when the last is over."""
        async with asyncio.TaskGroup() as calls:
            for planned in plan:
                await asyncio.sleep(began + planned.at_s - time.monotonic())
                await self._free[planned.kind].acquire()
                calls.create_task(self._one(planned))

    async def _one(self, planned: Planned) -> None:
        try:
            async with self._http.stream("POST", "/lab/calls", json=planned.order) as answer:
                answer.raise_for_status()
                self.placed += 1
                sid = answer.headers["x-lab-call-sid"]
                async for _ in answer.aiter_raw():
                    pass
            self._keep(planned, (await self._http.get(f"/lab/calls/{sid}")).content)
        except httpx.HTTPError as error:
            self.unplaced[type(error).__name__] += 1
        finally:
            self._free[planned.kind].release()

    def _keep(self, planned: Planned, raw: bytes) -> None:
        record = msgspec.json.decode(raw, type=CallRecord)
        call = read_call(record, planned.kind, planned.speed)
        self._offsets[call.sid] = (self._records.tell(), len(raw))
        self._records.write(raw)
        self._records.flush()
        self.lately.append(call)
        # what is kept for thousands of calls is what is compared; the whole record lies in the file
        self.calls[call.sid] = replace(call, webhooks=())

    def record(self, sid: str) -> CallRecord | None:
        """Everything the lab recorded of a call."""
        if sid not in self._offsets:
            return None
        offset, length = self._offsets[sid]
        with Path(self._records.name).open("rb") as file:
            file.seek(offset)
            return msgspec.json.decode(file.read(length), type=CallRecord)

    async def close(self) -> None:
        """Close the connections and the file."""
        with suppress(httpx.HTTPError):
            await self._http.aclose()
        self._records.close()
