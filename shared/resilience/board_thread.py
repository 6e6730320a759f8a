"""A board beside synchronous code: it turns in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Final

from shared.resilience.board import Board

STOP_WITHIN_S: Final = 2.0


@contextmanager
def turning(board: Board) -> Iterator[Board]:
    """The board, as long as the block runs. Must not be begun before a fork."""
    loop = asyncio.new_event_loop()
    work = loop.create_task(board.run())

    def turn() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(work)
        loop.close()

    thread = Thread(target=turn, name="board", daemon=True)
    thread.start()
    try:
        yield board
    finally:
        with suppress(RuntimeError):  # its loop has ended already
            loop.call_soon_threadsafe(work.cancel)
        thread.join(STOP_WITHIN_S)
