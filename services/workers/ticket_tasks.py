"""Tasks of the queue `tickets`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from celery import shared_task

from services.ticketing.assembly import TicketRoom, TicketRoomSettings, ticket_room
from services.workers.limits import lease_s
from services.workers.of_this_process import OfThisProcess
from services.workers.stores import open_sessions
from shared.clock import SystemClock
from shared.contracts.tasks import TaskName
from shared.settings import DatabaseSettings, WorkerSettings, load


class Settings(DatabaseSettings, TicketRoomSettings, WorkerSettings):
    """What the tasks need."""


@contextmanager
def _open() -> Iterator[TicketRoom]:
    settings = load(Settings)
    lease = timedelta(seconds=lease_s(settings))
    with open_sessions(settings) as sessions, ticket_room(settings, sessions, SystemClock(), lease) as room:
        yield room


room = OfThisProcess(_open)


@shared_task(name=TaskName.OPEN_TICKET.value)
def open_ticket(ticket_id: str) -> None:
    """See to it that the ticket's case stands."""
    room().desk.open_ticket(UUID(ticket_id))


@shared_task(name=TaskName.UPDATE_TICKET.value)
def update_ticket(ticket_id: str) -> None:
    """Add a better summary, or a recording, to the ticket's case."""
    room().desk.update_ticket(UUID(ticket_id))
