"""Tasks of the queue `summaries`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from uuid import UUID

from celery import shared_task

from services.ticketing.application.summarise import Summariser
from services.ticketing.assembly import SummarySettings, summary_room
from services.workers.durable import delivery
from services.workers.of_this_process import OfThisProcess
from services.workers.stores import open_sessions
from shared.clock import SystemClock
from shared.contracts.tasks import TaskName
from shared.settings import DatabaseSettings, load


class Settings(DatabaseSettings, SummarySettings):
    """What the tasks need."""


def load_ahead(settings: Settings) -> None:
    """Import what the first summary needs, before a worker makes its processes.

    A time limit that strikes in the middle of an import leaves half a module behind, for as long as the process lives.
    """
    if settings.openai_api_key is not None:
        import_module("services.ticketing.adapters.summary_model")


@contextmanager
def _open() -> Iterator[Summariser]:
    settings = load(Settings)
    with open_sessions(settings) as sessions, summary_room(settings, sessions, SystemClock()) as summariser:
        yield summariser


summariser = OfThisProcess(_open)


@shared_task(name=TaskName.SUMMARISE_CONVERSATION.value)
def summarise_conversation(conversation_id: str) -> None:
    """Write the summary the ticket waits for."""
    summariser().summarise(UUID(conversation_id), delivery())


@shared_task(name=TaskName.IMPROVE_SUMMARY.value)
def improve_summary(conversation_id: str) -> None:
    """Let the model write what it could not write when the call ended."""
    summariser().improve(UUID(conversation_id), delivery())
