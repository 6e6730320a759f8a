"""Watches background work from outside the workers: events, queues, outbox, ledger. Serves it all as metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import redis
from fastapi import FastAPI
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from services.workers import queue_depths, watch_metrics
from services.workers.app import BackgroundSettings
from services.workers.app import make_app as make_celery
from services.workers.record_figures import RecordFigures
from services.workers.task_events import EventListener
from shared.database.engine import make_engine, sync_sessions
from shared.observability.disk import Disk
from shared.observability.logs import get_logger
from shared.settings import DatabaseSettings, load_or_exit
from shared.task_group import TaskSet
from shared.web.app import ServerSettings, make_app, serve
from shared.web.guards import Operator
from shared.web.health import Health, health_routes

log = get_logger(__name__)
LOOK_EVERY_S = 5.0
REDIS_S = 3.0
REDIS_ANSWERS_S = 5
"""For the connection that events come over: a silent Redis must not hold up a stop."""


class WatchSettings(BackgroundSettings, DatabaseSettings, ServerSettings):
    """What the watch needs."""


def watch_app(settings: WatchSettings) -> FastAPI:
    """The application: `/metrics` and the health routes."""
    watch_metrics.initialise()
    engine = make_engine(settings, "watch")
    sessions = sync_sessions(engine)
    broker = redis.Redis.from_url(
        settings.redis_url.get_secret_value(), socket_timeout=REDIS_S, socket_connect_timeout=REDIS_S
    )
    figures = RecordFigures(sessions)

    async def ask_database() -> None:
        def ask() -> None:
            with sessions() as session:
                session.execute(text("SELECT 1"))

        await asyncio.to_thread(ask)

    async def ask_redis() -> None:
        await asyncio.to_thread(broker.ping)

    async def measure() -> None:
        while True:
            # Each by itself: while Redis is away the outbox grows, and that must be seen.
            for look in (partial(queue_depths.measure, broker), figures.measure):
                try:
                    await asyncio.to_thread(look)
                except (RedisError, SQLAlchemyError) as error:
                    log.warning("watch_blind", error=type(error).__name__)
            await asyncio.sleep(LOOK_EVERY_S)

    disk = Disk(settings.watched_directories, settings.disk_least_free_mb)
    health = Health(checks={"database": ask_database, "redis": ask_redis}, disk=disk)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        celery = make_celery(settings, REDIS_ANSWERS_S)
        listener = EventListener(celery)
        listener.start()
        tasks = TaskSet("watch")
        tasks.start(measure(), "measure")
        health.ready = True
        yield
        health.ready = False
        await tasks.close()
        await asyncio.to_thread(listener.stop)
        celery.close()
        broker.close()
        engine.dispose()

    app = make_app("watch", lifespan, disk=disk)
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else None
    app.include_router(health_routes(health, Operator(token)))
    return app


def main() -> None:
    """The watch process."""
    settings = load_or_exit(WatchSettings)
    serve(watch_app(settings), "watch", settings)
