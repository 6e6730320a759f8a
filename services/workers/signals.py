"""What a worker does beside its tasks: our logs, its heartbeat, and dead letters."""

from __future__ import annotations

from typing import Any

from celery import Celery, bootsteps
from celery.signals import setup_logging, task_failure, task_unknown, worker_ready
from celery.worker import WorkController

from services.workers.dead_letters import park, park_unknown
from services.workers.heartbeat import EVERY_S, Heartbeat


def connect(app: Celery, heartbeat: Heartbeat) -> None:
    """Attach everything to this worker."""
    keep_our_logs()
    task_failure.connect(park, weak=False)
    task_unknown.connect(park_unknown, weak=False)

    def ready(**_: object) -> None:
        heartbeat.beat()

    class Turning(bootsteps.StartStopStep):
        """Touches the heartbeat from the event loop that also takes messages, so that a stuck loop shows."""

        requires = ("celery.worker.components:Timer",)

        def start(self, parent: WorkController) -> None:
            timer: Any = parent.timer
            timer.call_repeatedly(EVERY_S, heartbeat.beat)

    worker_ready.connect(ready, weak=False)
    app.steps["worker"].add(Turning)


def keep_our_logs() -> None:
    """Celery's own messages go through our handlers: a connected receiver keeps it from installing others."""
    setup_logging.connect(_leave_logs_alone, weak=False)


def _leave_logs_alone(**_: Any) -> None:
    """Logging was configured before Celery started."""
