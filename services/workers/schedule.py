"""What happens by the clock, in code: there is no schedule file that could be lost or disagree."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from celery import Celery
from celery.beat import ScheduleEntry, Scheduler, SchedulingError
from celery.schedules import schedule

from services.workers.app import BackgroundSettings, make_app
from services.workers.heartbeat import EVERY_S, Heartbeat
from shared.contracts.tasks import TaskName
from shared.observability.logs import configure, get_logger
from shared.resilience.backoff import backoff
from shared.settings import KnowledgeSettings, load_or_exit

log = get_logger(__name__)


class BeatSettings(BackgroundSettings, KnowledgeSettings):
    """What the scheduler needs."""


PERIODIC = (
    TaskName.CLOSE_STALE_CALLS,
    TaskName.SWEEP_TICKETS,
    TaskName.RECONCILE_RECORD,
    TaskName.SYNC_KNOWLEDGE,
    TaskName.PRUNE_RECORDS,
)


def periods(settings: KnowledgeSettings) -> Mapping[TaskName, timedelta]:
    """How often each periodic task runs."""
    return {
        TaskName.CLOSE_STALE_CALLS: timedelta(seconds=15),
        TaskName.SWEEP_TICKETS: timedelta(minutes=5),
        TaskName.RECONCILE_RECORD: timedelta(minutes=5),
        TaskName.SYNC_KNOWLEDGE: timedelta(minutes=settings.knowledge_sync_minutes),
        TaskName.PRUNE_RECORDS: timedelta(days=1),
    }


SOCKET_S = 5
"""A silent Redis is noticed after this long."""


class TurningScheduler(Scheduler):
    """Celery's scheduler, which shows that it turns, and keeps what Redis does not take for as long as that lasts."""

    heartbeat = Heartbeat(None)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due; seconds until the next look."""
        self.heartbeat.beat()
        wait: float = super().tick(*args, **kwargs)
        return min(wait, EVERY_S)

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Send what is due. Celery would drop it until its next period, which is a day for some."""
        waits = backoff(0.2, 5.0)
        while True:
            self.heartbeat.beat()
            try:
                self.apply_async(entry, producer=producer, advance=False)
            except SchedulingError as error:
                wait = next(waits)
                log.warning(
                    "beat_waits", task=entry.name, error=type(error.__context__).__name__, delay_s=round(wait, 1)
                )
                time.sleep(wait)
            else:
                return


def beat_app(settings: BeatSettings) -> Celery:
    """The application of the scheduler. Everything is due at its start."""
    app = make_app(settings, SOCKET_S)
    app.conf.task_publish_retry = False
    app.conf.beat_schedule = {
        task.value: ScheduleEntry(
            name=task.value,
            task=task.value,
            schedule=schedule(run_every=every),
            last_run_at=app.now() - every,
            options={"expires": every.total_seconds()},
            app=app,
        )
        for task, every in periods(settings).items()
    }
    return app


def main() -> None:
    """The scheduler process. The claims of periods keep a restart from running a job twice."""
    settings = load_or_exit(BeatSettings)
    configure("beat", settings.log_level)
    app = beat_app(settings)
    heartbeat = Heartbeat(settings.heartbeat_file)
    heartbeat.clear()
    TurningScheduler.heartbeat = heartbeat
    logging.getLogger("celery.beat").setLevel(logging.WARNING)  # it tells of every task it sends
    log.info("beat_started")
    scheduler = f"{TurningScheduler.__module__}:{TurningScheduler.__qualname__}"
    app.Beat(scheduler_cls=scheduler, loglevel=settings.log_level, redirect_stdouts=False, quiet=True).run()
