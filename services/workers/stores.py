"""Sessions on PostgreSQL for a worker process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shared.database.engine import Sessions, make_engine, sync_sessions
from shared.settings import DatabaseSettings


@contextmanager
def open_sessions(settings: DatabaseSettings) -> Iterator[Sessions]:
    """Sessions over a pool of this process's own."""
    engine = make_engine(settings, "workers")
    try:
        yield sync_sessions(engine)
    finally:
        engine.dispose()
