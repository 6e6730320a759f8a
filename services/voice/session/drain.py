"""The end of a voice process: live calls go on, new ones go elsewhere.

Plain uvicorn closes every WebSocket 0.1 s after SIGTERM. This server first lets the world notice that it is not ready,
then refuses new sockets, waits for its calls up to a deadline, hands the rest over to other processes between two
sentences, and only then stops. A second signal means now.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from types import FrameType

import uvicorn

from services.voice.session.calls import Calls
from shared.observability.logs import get_logger
from shared.task_group import TaskSet
from shared.web.health import Health

log = get_logger(__name__)


@dataclass(frozen=True)
class DrainTimes:
    """In seconds."""

    lame_duck: float
    """Not ready, but still taking sockets, until proxies have noticed."""
    drain: float
    """How long calls may go on after that."""
    move: float
    """How long handing over what is left may take; each call leaves at the end of a sentence."""


class DrainingServer(uvicorn.Server):
    """A uvicorn server whose first stop signal begins a drain."""

    def __init__(self, config: uvicorn.Config, calls: Calls, health: Health, times: DrainTimes) -> None:
        super().__init__(config)
        self._calls = calls
        self._health = health
        self._times = times
        self._tasks = TaskSet("drain")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._signalled = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, and remember the loop that signals must be brought to."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A stop signal: drain at the first, stop at the second."""
        if self._signalled or self._loop is None:
            super().handle_exit(sig, frame)
            return
        self._signalled = True
        self._loop.call_soon_threadsafe(self._begin, sig)

    def _begin(self, sig: int) -> None:
        self._health.ready = False
        self._calls.drain()
        log.info("drain_began", signal=sig, active=self._calls.active)
        self._tasks.start(self._drain(sig), "drain")

    async def _drain(self, sig: int) -> None:
        await asyncio.sleep(self._times.lame_duck)
        self._calls.refuse()
        try:
            async with asyncio.timeout(self._times.drain):
                await self._calls.until_none()
        except TimeoutError:
            log.warning("drain_deadline", active=self._calls.active)
            await self._calls.hand_over(self._times.move)
        log.info("drain_over", signal=sig)
        super().handle_exit(sig, None)
