"""Serving a stand-in on loopback: for ever as a process, or for the length of a test in its own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from starlette.types import ASGIApp

from lab.wire.connection import CuttableHttp

HOST = "127.0.0.1"


class _Server(uvicorn.Server):
    """Leaves signals to whoever owns the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def configuration(app: ASGIApp, port: int) -> uvicorn.Config:
    """How a stand-in is served: loopback only, connections that can be cut, no log of its own."""
    return uvicorn.Config(
        app,
        host=HOST,
        port=port,
        loop="none",
        http=CuttableHttp,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )


@contextlib.asynccontextmanager
async def served(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """Serve the app while the block runs; yields its base address, without a slash at the end."""
    # asyncio switches Nagle's delay off only on sockets that name their protocol: without it each answer takes 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        server = _Server(configuration(app, port))
        running = asyncio.create_task(server.serve(sockets=[listener]), name="lab-server")
        try:
            while not server.started:
                if running.done():
                    running.result()
                    raise RuntimeError("the stand-in ended while it started")
                await asyncio.sleep(0.005)
            yield f"http://{HOST}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running
