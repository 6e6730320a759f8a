"""How much a request may send: refused unread when it says so itself, otherwise where it crosses the line."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import TooLarge
from shared.web.problems import problem


class BodyLimit:
    """Answers 413 as a problem document when a body is longer than its path allows."""

    def __init__(self, app: ASGIApp, limit: int, exceptions: Mapping[str, int]) -> None:
        self._app = app
        self._limit = limit
        self._exceptions = sorted(exceptions.items(), key=lambda item: len(item[0]), reverse=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit_of(scope["path"])
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            await problem(TooLarge.status, TooLarge.title, _detail(limit))(scope, receive, send)
            return
        await self._app(scope, _counted(receive, limit), send)

    def _limit_of(self, path: str) -> int:
        return next((limit for start, limit in self._exceptions if path.startswith(start)), self._limit)


def _counted(receive: Receive, limit: int) -> Receive:
    """`receive`, until more than `limit` bytes came: then an HTTPException, the one error that body readers pass on."""
    received = 0

    async def counting() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise HTTPException(TooLarge.status, _detail(limit))
        return message

    return counting


def _detail(limit: int) -> str:
    return f"at most {limit} bytes are taken here"
