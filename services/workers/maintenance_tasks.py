"""Tasks of the queue `maintenance`: what happens by the clock.

Each run claims its period first. None is retried: the next period is its next try.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from celery import shared_task

from services.knowledge.adapters.embedding_choice import EmbeddingSettings
from services.ticketing.application.sweep import Sweep
from services.ticketing.assembly import TicketRoomSettings, ticket_room
from services.workers.findings import Found, note_findings
from services.workers.followed_collections import followed_collections
from services.workers.limits import lease_s, still_s
from services.workers.of_this_process import OfThisProcess
from services.workers.periods import claim_period
from services.workers.pruning import prune
from services.workers.reconciliation import reconcile_record
from services.workers.schedule import periods
from services.workers.stale_calls import close_stale
from services.workers.stores import open_sessions
from shared.clock import SystemClock
from shared.contracts.reconciliation import Finding
from shared.contracts.tasks import TaskName
from shared.database.engine import Sessions
from shared.observability.logs import get_logger
from shared.settings import DatabaseSettings, WorkerSettings, load

if TYPE_CHECKING:
    from services.knowledge.assembly import ImportRoom

log = get_logger(__name__)
clock = SystemClock()


class Settings(DatabaseSettings, TicketRoomSettings, EmbeddingSettings, WorkerSettings):
    """What the tasks need."""


@dataclass(frozen=True, slots=True)
class Maintenance:
    """What every task works with."""

    settings: Settings
    sessions: Sessions

    def is_due(self, task: TaskName) -> bool:
        """Whether this run is the one of the present period."""
        return claim_period(self.sessions, task.value, clock.now(), periods(self.settings)[task])


@contextmanager
def _open() -> Iterator[Maintenance]:
    settings = load(Settings)
    with open_sessions(settings) as sessions:
        yield Maintenance(settings, sessions)


@contextmanager
def _open_sweep() -> Iterator[Sweep]:
    work = maintenance()
    lease = timedelta(seconds=lease_s(work.settings))
    still_for = timedelta(seconds=still_s(work.settings))
    with ticket_room(work.settings, work.sessions, clock, lease, still_for) as tickets:
        yield tickets.sweep


@contextmanager
def _open_import() -> Iterator[ImportRoom]:
    from services.knowledge.assembly import ImportSettings, import_room  # noqa: PLC0415  (brings the vector library)

    work = maintenance()
    with import_room(load(ImportSettings), work.sessions, clock) as room:
        yield room


maintenance = OfThisProcess(_open)
sweep = OfThisProcess(_open_sweep)
help_centre = OfThisProcess(_open_import)


@shared_task(name=TaskName.CLOSE_STALE_CALLS.value, max_retries=0)
def close_stale_calls() -> None:
    """Close conversations whose end one side never reported."""
    work = maintenance()
    if work.is_due(TaskName.CLOSE_STALE_CALLS):
        closed = close_stale(work.sessions, clock.now())
        if closed:
            note_findings(work.sessions, {Finding.CALL_WITHOUT_END: Found(closed, closed)})


@shared_task(name=TaskName.SWEEP_TICKETS.value, max_retries=0)
def sweep_tickets() -> int:
    """Compare ledger and help desk, and mend what can be mended; the number of duplicates, which `watch` counts."""
    if not maintenance().is_due(TaskName.SWEEP_TICKETS):
        return 0
    swept = sweep().run()
    log.info("tickets_swept", count=swept.requeued, removed=swept.duplicates)
    note_findings(
        maintenance().sessions,
        {
            Finding.CASE_DOUBLED: Found(swept.duplicates, swept.duplicates),
            Finding.TICKET_FORGOTTEN: Found(swept.requeued, swept.requeued),
            Finding.CASE_UNNOTICED: Found(swept.unnoticed, swept.unnoticed),
            Finding.CASE_WITHOUT_TICKET: Found(swept.strangers),
            Finding.TICKET_WITHOUT_CASE: Found(swept.missing),
        },
    )
    return swept.duplicates


@shared_task(name=TaskName.RECONCILE_RECORD.value, max_retries=0)
def reconcile() -> None:
    """Compare the record with itself, and order again what was lost on its way."""
    work = maintenance()
    if work.is_due(TaskName.RECONCILE_RECORD):
        still_for = timedelta(seconds=still_s(work.settings))
        note_findings(work.sessions, reconcile_record(work.sessions, still_for))


@shared_task(name=TaskName.SYNC_KNOWLEDGE.value, max_retries=0)
def sync_knowledge(collection: str | None = None) -> None:
    """Follow the help centre: in the collection that somebody asked for, else by the clock in all that agents use."""
    work = maintenance()
    if collection is not None:
        help_centre().sync_articles(collection)
    elif work.is_due(TaskName.SYNC_KNOWLEDGE):
        for name in followed_collections(work.sessions):
            help_centre().sync_articles(name)


@shared_task(name=TaskName.PRUNE_RECORDS.value, max_retries=0)
def prune_records() -> None:
    """Delete what was only kept to recognise repeats."""
    work = maintenance()
    if work.is_due(TaskName.PRUNE_RECORDS):
        prune(work.sessions)
