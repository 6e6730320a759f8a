"""Taking the connection away in the middle of a request: what no ASGI message can say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.types import Receive, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HANG_UP = "lab.hang_up"
"""Name of the scope extension through which an application reaches its own connection."""


class CuttableHttp(HttpToolsProtocol):
    """Uvicorn's HTTP/1.1 protocol, whose applications may hang up."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        transport = self.transport

        def hang_up(*, flush: bool) -> None:
            # `close` still sends what was written, `abort` forgets it.
            if flush:
                transport.close()
            else:
                transport.abort()

        extensions: dict[str, Any] = {HANG_UP: hang_up}
        self.scope["extensions"] = extensions


async def hang_up(scope: Scope, receive: Receive, *, flush: bool = False) -> None:
    """Close the connection without completing the answer; with `flush`, what was already sent still arrives.

    Raises RuntimeError when the application is not served by `lab.wire.serving`.
    """
    cut: Callable[..., None] | None = scope.get("extensions", {}).get(HANG_UP)
    if cut is None:
        raise RuntimeError("this fault cuts the connection: serve the stand-in with lab.wire.serving")
    cut(flush=flush)
    await client_gone(receive)


async def client_gone(receive: Receive, within_s: float | None = None) -> bool:
    """Wait until the client has gone, at most `within_s` seconds; tells whether it has.

    The request's body must have been read before.
    """
    try:
        async with asyncio.timeout(within_s):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True
