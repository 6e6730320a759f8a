"""The Celery application: one set of measured settings for every program on the broker."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from kombu import Exchange
from kombu import Queue as BrokerQueue

from services.workers.limits import AT_ONCE, limits_of, visibility_s
from shared.contracts.tasks import Queue, TaskName
from shared.settings import ProcessSettings, RedisSettings, WorkerSettings


class BackgroundSettings(ProcessSettings, RedisSettings, WorkerSettings):
    """What every program on the broker needs."""


DURABLE = "services.workers.durable:DurableTask"
"""The class of every task."""
SOFT_SHUTDOWN_S = 10.0
"""How long a stopping worker of long tasks lets them run before it gives them back to the queue."""
SOCKET_S = 30
"""A publish to a silent Redis fails after this long; without it, never."""
EXCHANGE = Exchange("callwright", type="direct")
QUEUES = tuple(BrokerQueue(queue.value, EXCHANGE, routing_key=queue.value) for queue in Queue)
ROUTES = {task.value: {"queue": task.queue.value} for task in TaskName}


def transport_options(settings: WorkerSettings, socket_s: int = SOCKET_S) -> dict[str, Any]:
    """Options of the Redis transport. Workers, relay, beat, Flower and watch must share them: see `visibility_s`."""
    return {
        "visibility_timeout": visibility_s(settings),
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_timeout": socket_s,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 25,
        "client_name": f"callwright-{os.getpid()}",
    }


def make_app(settings: BackgroundSettings, socket_s: int = SOCKET_S) -> Celery:
    """An application that knows the queues and no task; a worker adds its own."""
    app = Celery("callwright", broker=settings.redis_url.get_secret_value(), task_cls=DURABLE, set_as_current=True)
    app.conf.update(
        accept_content=["json"],
        broker_connection_max_retries=None,
        broker_connection_retry_on_startup=True,
        broker_pool_acquire_timeout=5,
        broker_transport_options=transport_options(settings, socket_s),
        enable_utc=True,
        task_acks_late=True,
        task_create_missing_queues=False,
        task_default_exchange=EXCHANGE.name,
        task_default_queue=Queue.MAINTENANCE.value,
        task_ignore_result=True,
        task_queues=QUEUES,
        task_retry_on_worker_lost=True,
        task_routes=ROUTES,
        task_send_sent_event=True,
        task_serializer="json",
        visibility_timeout=visibility_s(settings),
        # a lost connection means a second delivery; every task of ours bears that better than being killed
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_disable_prefetch=True,
        worker_hijack_root_logger=False,
        worker_max_tasks_per_child=1000,
        worker_prefetch_multiplier=1,
        worker_redirect_stdouts=False,
        worker_send_task_events=True,
        worker_soft_shutdown_timeout=SOFT_SHUTDOWN_S,
        longest_wait_s=settings.worker_longest_wait_s,
    )
    return app


def make_worker_app(settings: BackgroundSettings, queue: Queue) -> Celery:
    """The application of a worker that serves one queue."""
    app = make_app(settings)
    limits = limits_of(queue, settings)
    app.conf.update(
        task_soft_time_limit=limits.soft,
        task_time_limit=limits.hard,
        worker_concurrency=settings.worker_concurrency or AT_ONCE[queue],
    )
    return app
