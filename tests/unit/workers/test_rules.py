"""The numbers that keep a message from being worked on twice, and what people read of an error."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from services.workers.app import BackgroundSettings, make_app, make_worker_app
from services.workers.dead_letters import reason_of
from services.workers.durable import MOST_TRIES, heals, wait_s
from services.workers.limits import lease_s, limits_of, visibility_s
from services.workers.schedule import PERIODIC, periods
from services.workers.task_events import TaskEvents
from services.workers.watch_metrics import initialise, task_wait_seconds, tasks_total, tickets_duplicate_total
from shared.clients.kayako_errors import RateLimited
from shared.contracts.tasks import Queue, TaskName
from shared.errors import Permanent, Transient
from shared.settings import KnowledgeSettings, WorkerSettings

SETTINGS = BackgroundSettings(redis_url=SecretStr("redis://127.0.0.1:9/0"))


@given(st.floats(min_value=5, max_value=3600), st.floats(min_value=1, max_value=3600))
def test_redis_waits_longer_than_any_run_and_any_wait(longest_task: float, longest_wait: float) -> None:
    settings = WorkerSettings(worker_longest_task_s=longest_task, worker_longest_wait_s=longest_wait)
    for queue in Queue:
        limits = limits_of(queue, settings)
        assert 0 < limits.soft < limits.hard <= longest_task
        assert visibility_s(settings) > limits.hard + longest_wait
    assert lease_s(settings) > limits_of(Queue.TICKETS, settings).hard


def test_every_program_tells_redis_the_same() -> None:
    beside = make_app(SETTINGS, socket_s=5)
    for queue in Queue:
        worker = make_worker_app(SETTINGS, queue)
        for key in ("visibility_timeout", "health_check_interval"):
            assert worker.conf.broker_transport_options[key] == beside.conf.broker_transport_options[key]
        assert worker.conf.task_acks_late
        assert not worker.conf.task_create_missing_queues
        assert worker.conf.accept_content == ["json"]
        assert {declared.name for declared in worker.conf.task_queues} == {known.value for known in Queue}


def test_every_task_has_its_queue() -> None:
    routes = make_app(SETTINGS).conf.task_routes
    assert {task: TaskName(task).queue for task in routes} == {task.value: task.queue for task in TaskName}


@given(st.integers(min_value=0, max_value=MOST_TRIES), st.floats(min_value=1, max_value=600))
def test_waits_grow_and_stay_below_the_longest(retries: int, longest: float) -> None:
    growing = 2.0 * 2**retries
    wait = wait_s(ValueError(), retries, longest)
    assert min(growing / 2, longest) - 0.1 <= wait <= min(growing, longest) + 0.1


@pytest.mark.parametrize(("key", "loaded"), [("lab", "True"), ("", "False")])
def test_a_worker_of_summaries_imports_its_model_before_it_makes_its_processes(key: str, loaded: str) -> None:
    """Seen in another process: here somebody else may have imported it long ago."""
    code = (
        "import sys; from services.workers import summary_tasks as tasks; "
        "known = {'database_url': 'postgresql://nobody@127.0.0.1:9/x', 'redis_url': 'redis://127.0.0.1:9'}; "
        "tasks.load_ahead(tasks.Settings(**known)); "
        "print('services.ticketing.adapters.summary_model' in sys.modules)"
    )
    environment = {"PATH": os.environ["PATH"], "OPENAI_API_KEY": key}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == loaded


def test_what_a_time_limit_interrupts_is_tried_again_whatever_it_looks_like() -> None:
    """The limit strikes in the middle of anything; what was interrupted then fails in ways of its own."""
    interrupted: Exception | None = None
    try:
        try:
            raise SoftTimeLimitExceeded
        finally:
            raise RuntimeError("a transaction that nobody ended")
    except RuntimeError as error:
        interrupted = error
    assert heals(interrupted)
    assert heals(SoftTimeLimitExceeded())
    assert not heals(RuntimeError("a mistake"))
    assert not heals(Permanent("refused"))


@given(st.floats(min_value=0.1, max_value=250), st.integers(min_value=0, max_value=MOST_TRIES))
def test_a_wait_that_was_asked_for_is_kept(asked: float, retries: int) -> None:
    assert asked - 0.1 <= wait_s(RateLimited("limit", asked), retries, 300) <= asked * 1.1 + 0.1


def test_no_wait_is_longer_than_redis_was_told() -> None:
    assert wait_s(Transient("locked", 3600), 0, 300) == 300


def test_only_our_own_errors_speak() -> None:
    assert reason_of(Permanent("Kayako refuses POST cases: FIELD_REQUIRED (product)"), None) == (
        "Kayako refuses POST cases: FIELD_REQUIRED (product)"
    )
    known: dict[str, str] = {}
    with pytest.raises(KeyError) as raised:
        known["dana@example.test"]
    reason = reason_of(raised.value, raised.tb)
    assert "dana" not in reason
    assert reason.startswith("in test_only_our_own_errors_speak, line ")
    assert reason.endswith("of test_rules.py")
    assert reason_of(KeyError("dana"), None) == ""


def test_events_are_counted_under_the_name_they_were_introduced_with() -> None:
    initialise()
    events = TaskEvents()
    name, queue = TaskName.UPDATE_TICKET.value, Queue.TICKETS.value

    def count(outcome: str) -> float:
        return float(tasks_total.labels(task=name, outcome=outcome)._value.get())

    before, waited = count("succeeded"), task_wait_seconds.labels(queue=queue)._sum.get()
    events.take({"type": "task-sent", "uuid": "1", "name": name, "timestamp": 100.0})
    events.take({"type": "task-received", "uuid": "1", "name": name, "timestamp": 101.0})
    events.take({"type": "task-started", "uuid": "1", "timestamp": 102.5})
    events.take({"type": "task-retried", "uuid": "1", "timestamp": 103.0})
    events.take({"type": "task-started", "uuid": "1", "timestamp": 105.0})
    events.take({"type": "task-succeeded", "uuid": "1", "timestamp": 106.0, "runtime": 1.0, "result": "None"})
    events.take({"type": "task-succeeded", "uuid": "never introduced", "timestamp": 106.0})
    events.take({"type": "task-sent", "uuid": "2", "name": "celery.something", "timestamp": 100.0})
    events.take({"type": "task-failed", "uuid": "2", "timestamp": 106.0})
    events.take({"type": "worker-heartbeat", "timestamp": 106.0})
    assert count("succeeded") == before + 1
    assert count("retried") == 1
    assert count("failed") == 0
    assert task_wait_seconds.labels(queue=queue)._sum.get() == waited + 2.5, "the first run counts, not the retry"


def test_the_sweep_reports_duplicates_through_its_result() -> None:
    initialise()
    events = TaskEvents()
    before = tickets_duplicate_total._value.get()
    events.take({"type": "task-received", "uuid": "1", "name": TaskName.SWEEP_TICKETS.value, "timestamp": 1.0})
    events.take({"type": "task-succeeded", "uuid": "1", "timestamp": 2.0, "runtime": 1.0, "result": "3"})
    assert tickets_duplicate_total._value.get() == before + 3


def test_every_periodic_task_has_a_period() -> None:
    assert set(periods(KnowledgeSettings())) == set(PERIODIC)
