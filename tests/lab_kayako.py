"""The lab's Kayako in a thread of its own, for tests whose own side is synchronous or lives in other processes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from lab.kayako.app import make_app
from lab.kayako.cases import Case, CaseState
from lab.kayako.desk import EMAIL, PASSWORD, Desk, DeskSettings
from lab.kayako.faults import KayakoFault, KayakoFaultSetting
from lab.wire.serving import served
from shared.settings import KayakoSettings


@dataclass(frozen=True)
class LabKayako:
    """The tenant, and where it answers."""

    desk: Desk
    address: str

    def fail(self, kind: KayakoFault, where: str = "*", **more: Any) -> KayakoFaultSetting:
        """Switch a fault on; the returned object tells later how often it fired."""
        return self.desk.faults.add(KayakoFaultSetting(kind=kind, where=where, **more))

    def heal(self) -> None:
        """Switch all faults off."""
        self.desk.faults.replace([])

    def settings(self, **more: Any) -> KayakoSettings:
        """Settings of a client of this tenant."""
        values = {"kayako_url": self.address, "kayako_email": EMAIL, "kayako_password": SecretStr(PASSWORD), **more}
        return KayakoSettings(**values)

    def active(self, tag: str) -> list[Case]:
        """The cases that agents see under this tag, as they really are."""
        return [case for case in self.desk.tagged(tag) if case.state is CaseState.ACTIVE]


@contextmanager
def lab_kayako(settings: DeskSettings | None = None) -> Iterator[LabKayako]:
    """A fresh tenant for as long as the block runs."""
    desk = Desk(settings or DeskSettings(search_lag_s=0))
    started = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    address = ""

    async def serve() -> None:
        nonlocal address
        async with served(make_app(desk)) as address:
            started.set()
            await stop.wait()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.close()

    thread = threading.Thread(target=run, name="lab-kayako")
    thread.start()
    try:
        assert started.wait(10), "the lab's Kayako did not start"
        yield LabKayako(desk, address)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
