"""The metrics of background work. One process counts for all: the children of prefork workers cannot be scraped."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from services.workers.schedule import PERIODIC
from shared.contracts.reconciliation import Finding
from shared.contracts.tasks import Queue, TaskName
from shared.contracts.tickets import TicketState
from shared.observability import names

OUTCOMES = ("succeeded", "retried", "failed")
TASK_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

tasks_total = Counter("callwright_tasks_total", "Runs of tasks, by how they ended", ["task", "outcome"])
task_seconds = Histogram("callwright_task_seconds", "Time a task ran", ["task"], buckets=TASK_BUCKETS)
task_wait_seconds = Histogram(
    "callwright_task_wait_seconds", "From publishing a task to its first run", ["queue"], buckets=TASK_BUCKETS
)
queue_waiting = Gauge("callwright_queue_waiting", "Messages in the list of a queue", ["queue"])
queue_running = Gauge("callwright_queue_running", "Messages a worker has taken and not acknowledged", ["queue"])
outbox_pending = Gauge("callwright_outbox_pending", "Outbox rows that are due and not published")
outbox_oldest_seconds = Gauge("callwright_outbox_oldest_seconds", "How long the oldest of them is due")
dead_letters = Gauge("callwright_dead_letters", "Tasks that gave up and were not replayed", ["queue"])
tickets = Gauge("callwright_tickets", "Tickets of the last seven days, by state", ["state"])
tickets_unresolved = Gauge("callwright_tickets_unresolved", "Tickets that do not stand after two minutes")
ticket_delay_seconds = Histogram(
    "callwright_ticket_delay_seconds", "From the end of a conversation to its case", buckets=names.TICKET_BUCKETS
)
tickets_duplicate_total = Counter("callwright_tickets_duplicate_total", "Doubled cases the sweep merged: must stay 0")
cost_total = Counter("callwright_cost_total", "What calls cost by the rate card", ["provider", "currency"])
usage_total = Counter("callwright_usage_total", "What calls used of providers", ["provider", "unit"])
unpriced_total = Counter(
    "callwright_unpriced_total", "What calls used of providers and has no known price", ["provider", "unit"]
)
schedule_last_success = Gauge(
    "callwright_schedule_last_success_timestamp_seconds", "When a periodic task last succeeded", ["job"]
)


reconciliation_found = Gauge(
    "callwright_reconciliation_found", "What the last look found that should not be, by kind", ["kind"]
)
reconciliation_mended_total = Counter(
    "callwright_reconciliation_mended_total", "What was mended of it, by kind", ["kind"]
)


def initialise() -> None:
    """Let every series exist from the start: one that appears with its first error hides that error."""
    for task in TaskName:
        task_seconds.labels(task=task.value)
        for outcome in OUTCOMES:
            tasks_total.labels(task=task.value, outcome=outcome)
    for queue in Queue:
        task_wait_seconds.labels(queue=queue.value)
        for gauge in (queue_waiting, queue_running, dead_letters):
            gauge.labels(queue=queue.value).set(0)
    for state in TicketState:
        tickets.labels(state=state.value).set(0)
    for kind in Finding:
        reconciliation_found.labels(kind=kind.value).set(0)
        reconciliation_mended_total.labels(kind=kind.value)
    for job in PERIODIC:
        schedule_last_success.labels(job=job.value).set(0)
