"""An ASGI application behind a real socket, in the test's own event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from tests.waiting import wait_for_async

STOP_WITHIN_S = 2.0


@asynccontextmanager
async def serving(app: ASGIApp, **options: Any) -> AsyncIterator[str]:
    """Serve `app` on loopback until the block ends; yields its http address.

    The server's own `serve` and `shutdown` are not used: they would take over the signals of the test run, and they
    look only ten times a second whether there is something to do. `options` are uvicorn's.
    """
    config = uvicorn.Config(app, log_config=None, access_log=False, **options)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    # asyncio turns Nagle's delay off only on sockets that name their protocol.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        await server.startup(sockets=[listener])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            await _stop(server)


async def _stop(server: uvicorn.Server) -> None:
    """Tell every connection that the server goes down, give its work a moment, and end what is left."""
    for one in server.servers:
        one.close()
    state = server.server_state
    for connection in list(state.connections):
        connection.shutdown()

    async def is_idle() -> bool:
        return not (state.connections or state.tasks)

    with suppress(AssertionError):
        await wait_for_async(is_idle, STOP_WITHIN_S, "the connections are closed")
    for task in list(state.tasks):
        task.cancel()
    await asyncio.gather(*state.tasks, return_exceptions=True)
    await server.lifespan.shutdown()
