"""All calls of this process: how one comes in, that it cannot touch another, and how all of them end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from services.voice.capacity.publishing import SlotPublisher
from services.voice.record.call_rows import ClaimedCall
from services.voice.record.notes import Ending
from services.voice.session.call import Call
from services.voice.transport.introduction import Introduction
from services.voice.transport.media_socket import MediaSocket, SocketClosed
from services.voice.transport.media_stream import StreamRefused
from shared.admission.slots import reservation
from shared.clock import Clock
from shared.errors import Transient
from shared.observability import metrics
from shared.observability.context import bound
from shared.observability.logs import get_logger

log = get_logger(__name__)

NORMAL, INTERNAL_ERROR, RESTARTING, TRY_AGAIN = 1000, 1011, 1012, 1013
"""Close codes (RFC 6455 section 7.4.1 and the IANA registry)."""
CLOSE_WITHIN_S: Final = 2.0
MOVE_EVERY_S: Final = 0.1
MOVED_AT_ONCE: Final = 2
"""Twenty calls a second are asked to leave."""

Admit = Callable[[Introduction], Awaitable[ClaimedCall]]
"""Check a socket's token and claim its call. Raises StreamRefused, and Transient when it cannot be checked."""


class Opening(Protocol):
    """A socket that was accepted and has not said yet which call it carries."""

    async def handshake(self) -> Introduction:
        """Wait for its first message. Raises StreamRefused and SocketClosed."""
        ...


Opened = TypeVar("Opened", bound=Opening)


@dataclass(frozen=True, slots=True)
class Transport(Generic[Opened]):
    """One way in which calls come: the route, and what is made of its sockets."""

    path: str
    open: Callable[[MediaSocket, Clock], Opened]
    make_call: Callable[[ClaimedCall, Opened], Call]


@dataclass(frozen=True, slots=True)
class _Result:
    """How a call ended, for the metrics and for the socket."""

    outcome: str
    code: int


def _result_of(work: asyncio.Task[Ending]) -> _Result:
    if work.cancelled():
        return _Result("lost", RESTARTING)
    match work.exception():
        case None:
            ending = work.result()
        case StreamRefused(reason=reason, code=code):
            log.warning("stream_refused", reason=reason, code=code)
            return _Result("lost", code)
        case error:
            log.error("call_failed", error=type(error).__name__, exc_info=error)
            return _Result("failed", INTERNAL_ERROR)
    if ending.outcome is not None:
        return _Result(ending.outcome.value, NORMAL)
    return _Result("lost", NORMAL)


class Calls:
    """The calls of one process."""

    def __init__(self, admit: Admit, clock: Clock, slots: SlotPublisher) -> None:
        self._admit = admit
        self._clock = clock
        self._slots = slots
        self._opening = 0
        self._live: dict[asyncio.Task[Ending], Call] = {}
        self._none_left = asyncio.Event()
        self._none_left.set()
        self.draining = False
        self._refusing = False
        self._show()

    @property
    def active(self) -> int:
        """Calls being carried."""
        return len(self._live)

    @property
    def engaged(self) -> int:
        """Calls being carried, and sockets that have not said yet which call they carry."""
        return self.active + self._opening

    @property
    def refusal(self) -> str | None:
        """Why a new socket is not taken; None when it is. The second wall: the gateway sends no more than fit."""
        if self._refusing:
            return "draining"
        return "full" if self.engaged >= self._slots.most else None

    def refuse(self) -> None:
        """Take no new sockets from now on."""
        self._refusing = True

    def _show(self) -> None:
        metrics.calls_active.labels(state="serving").set(0 if self.draining else self.active)
        metrics.calls_active.labels(state="draining").set(self.active if self.draining else 0)

    async def take(self, socket: MediaSocket, transport: Transport[Opened]) -> None:
        """Carry the call that comes over this accepted socket until it is over; whatever happens stays in here."""
        code = await self._carry(socket, transport)
        metrics.ws_closed_total.labels(path=transport.path, code=str(code)).inc()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await socket.close(code)

    async def _carry(self, socket: MediaSocket, transport: Transport[Opened]) -> int:
        """The code to close with."""
        opened = transport.open(socket, self._clock)
        try:
            claimed = await self._claim(opened)
        except SocketClosed as closed:
            return closed.code
        except StreamRefused as refusal:
            metrics.webhooks_rejected_total.labels(reason="stream_refused").inc()
            log.warning("stream_refused", reason=refusal.reason, code=refusal.code)
            return refusal.code
        except Transient as problem:
            log.warning("stream_not_taken", reason=problem.detail)
            return TRY_AGAIN
        except Exception as error:
            log.exception("stream_not_taken", error=type(error).__name__)
            return INTERNAL_ERROR
        with bound(trace_id=claimed.trace_id, call_sid=claimed.call_sid):
            return await self._supervise(claimed, lambda: transport.make_call(claimed, opened))

    async def _claim(self, opened: Opening) -> ClaimedCall:
        """The call that this socket carries. Raises what a handshake and an admission raise."""
        self._opening += 1
        try:
            return await self._admit(await opened.handshake())
        finally:
            self._opening -= 1

    async def _supervise(self, claimed: ClaimedCall, make_call: Callable[[], Call]) -> int:
        """Run one call in a task of its own; the code to close its socket with."""
        began = self._clock.monotonic()
        call = make_call()
        work = asyncio.create_task(call.run(), name="call")
        self._live[work] = call
        self._none_left.clear()
        self._show()
        self._slots.changed(reservation(claimed.call_sid, claimed.generation))
        log.info("call_started", conversation_id=str(claimed.conversation_id), generation=claimed.generation)
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.wait({work})
            raise
        finally:
            del self._live[work]
            if not self._live:
                self._none_left.set()
            self._show()
            self._slots.changed()
            result = _result_of(work)
            direction = "outbound" if claimed.direction.startswith("outbound") else "inbound"
            metrics.calls_total.labels(direction=direction, outcome=result.outcome).inc()
            seconds = round(self._clock.monotonic() - began, 1)
            log.info("call_finished", outcome=result.outcome, seconds=seconds, active=self.active)
        return result.code

    async def until_none(self) -> None:
        """Wait until the last call is over."""
        await self._none_left.wait()

    def drain(self) -> None:
        """From now on calls only become fewer."""
        self.draining = True
        self._show()
        self._slots.changed()

    async def hand_over(self, within_s: float) -> None:
        """Leave every call to another process, each where nobody is in the middle of a sentence.

        A few at a time, so that the others are not overrun; what is left when the time is up is cut as it stands.
        """
        until = self._clock.monotonic() + within_s
        staying, leaving = list(self._live), set[asyncio.Task[Ending]]()
        while self._live and self._clock.monotonic() < until:
            for work in staying[:MOVED_AT_ONCE]:
                if work in self._live:
                    self._live[work].hand_over()
                    leaving.add(work)
            del staying[:MOVED_AT_ONCE]
            ready = {work for work in leaving if work in self._live and self._live[work].is_between_sentences}
            for work in ready:
                work.cancel()
            leaving -= ready
            metrics.drain_moved_total.inc(len(ready))
            await asyncio.sleep(MOVE_EVERY_S)
        await self.cut()

    async def cut(self) -> None:
        """Leave every call as it stands: another process goes on with it."""
        for work in list(self._live):
            work.cancel()
        await self.until_none()
