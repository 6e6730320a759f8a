"""No request is left without an answer: one that takes too long is told to come again.

What it waits for is most likely a database that is frozen, which answers no cancellation either: the work is left
behind (`shared/database/within.py`), and nothing of what it may still say is sent.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.database.transactions import DatabaseAway
from shared.database.within import within
from shared.errors import OutcomeUnknown, Transient
from shared.web.problems import expected


class TooLate(Transient):
    """The answer was not there in time; nothing was to be changed."""


class NotKnown(OutcomeUnknown):
    """The same of a request that was to change something: it may have been done."""

    status = 504
    title = "Not known"


SAFE = ("GET", "HEAD")


class AnswerDeadline:
    """Answers with a problem document when nothing was answered in time.

    503, as whenever trying again helps; 504 when nobody knows what came of it.
    """

    def __init__(self, app: ASGIApp, seconds: float, exceptions: Mapping[str, float]) -> None:
        """`exceptions` are seconds by the beginning of a path, the longest beginning first."""
        self._app = app
        self._seconds = seconds
        self._exceptions = sorted(exceptions.items(), key=lambda item: len(item[0]), reverse=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = is_late = False

        async def send_in_time(message: Message) -> None:
            nonlocal has_begun
            if not is_late:
                has_begun = True
                await send(message)

        async def answer() -> None:
            await self._app(scope, receive, send_in_time)

        try:
            await within(self._seconds_of(scope["path"]), answer())
        except DatabaseAway:
            is_late = True
            if has_begun:
                raise  # half an answer: the connection is closed
            await expected(_late(scope["method"]))(scope, receive, send)

    def _seconds_of(self, path: str) -> float:
        return next((seconds for start, seconds in self._exceptions if path.startswith(start)), self._seconds)


def _late(method: str) -> Transient:
    if method in SAFE:
        return TooLate("this takes too long at the moment")
    return NotKnown(
        "this takes too long at the moment, and it is not known whether it was done: look before you repeat it"
    )
