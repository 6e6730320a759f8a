"""How long tasks may run and wait, and what follows for Redis: a message comes back only after both together."""

from __future__ import annotations

from dataclasses import dataclass

from shared.contracts.tasks import Queue
from shared.settings import WorkerSettings

TO_TIDY_UP_S = 5.0
"""Between the soft limit, which a task sees as an exception, and the hard one, which kills its process."""
LONGEST_S: dict[Queue, float] = {
    Queue.TICKETS: 120,
    Queue.SUMMARIES: 60,
    Queue.EMBEDDING: 300,
    Queue.ANALYTICS: 30,
    Queue.MAINTENANCE: 300,
}
"""Hard limits. A ticket makes about ten requests to the help desk, each with its own deadline of 20 s."""
AT_ONCE: dict[Queue, int] = {
    Queue.TICKETS: 4,
    Queue.SUMMARIES: 4,
    Queue.EMBEDDING: 1,
    Queue.ANALYTICS: 1,
    Queue.MAINTENANCE: 2,
}
"""Tasks a worker runs at once. Tickets and summaries wait for others most of the time; embedding fills a core; a long
import of the help centre must not hold up the closing of calls."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds."""

    soft: float
    hard: float


def limits_of(queue: Queue, settings: WorkerSettings) -> Limits:
    """The limits of this queue's tasks."""
    hard = min(LONGEST_S[queue], settings.worker_longest_task_s)
    return Limits(soft=max(hard - TO_TIDY_UP_S, hard / 2), hard=hard)


def lease_s(settings: WorkerSettings) -> float:
    """How long a run may hold a ticket: longer than it can live."""
    return limits_of(Queue.TICKETS, settings).hard + 10


def still_s(settings: WorkerSettings) -> float:
    """After how long without news a message is taken for lost: twice the longest wait between two tries."""
    return max(2 * settings.worker_longest_wait_s, 60.0)


def visibility_s(settings: WorkerSettings) -> int:
    """After this time Redis gives an unacknowledged message to somebody else.

    The smallest value among the programs on one broker rules, so all of them call this.
    """
    longest = max(limits_of(queue, settings).hard for queue in Queue)
    return round((longest + settings.worker_longest_wait_s) * 1.1) + 5
