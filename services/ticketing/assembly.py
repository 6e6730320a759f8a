"""Puts the room together for a process that works in it. Nothing here imports the web side."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from services.ticketing.adapters.conversations import PostgresConversations
from services.ticketing.adapters.gate import PostgresGate
from services.ticketing.adapters.kayako_desk import KayakoDesk
from services.ticketing.adapters.ledger import PostgresLedger
from services.ticketing.adapters.summary_store import PostgresSummaryStore
from services.ticketing.application.desk import Desk
from services.ticketing.application.line import KNOCK_AGAIN_S, Line
from services.ticketing.application.summarise import Summariser, SummaryModel
from services.ticketing.application.sweep import STILL_FOR, Sweep
from shared.clients.kayako import PROVIDER, KayakoClient
from shared.clients.kayako_capabilities import Capabilities
from shared.clients.kayako_known import known_capabilities
from shared.clock import Clock
from shared.database.engine import Sessions
from shared.resilience.board_thread import turning
from shared.resilience.circuit import Rules
from shared.resilience.provider_names import SUMMARY_MODEL
from shared.resilience.shared_board import shared_board
from shared.settings import KayakoSettings, OpenAISettings, RateSettings, RedisSettings

TIMES_AS_LONG = 3
"""The quiet time is at least so many times what a new case took to show when the tenant was probed."""

KNOCKING = Rules(rest_s=KNOCK_AGAIN_S / 2, longest_rest_s=KNOCK_AGAIN_S / 2, lease_s=KNOCK_AGAIN_S)
"""The gate decides which ticket knocks, and when; the breaker must not hold that one back."""


class TicketRoomSettings(KayakoSettings, RedisSettings):
    """What the room must be told."""


class SummarySettings(OpenAISettings, RateSettings, RedisSettings):
    """What writing summaries needs to be told."""


@dataclass(frozen=True, slots=True)
class TicketRoom:
    """What works on tickets."""

    desk: Desk
    sweep: Sweep


@contextmanager
def ticket_room(
    settings: TicketRoomSettings, sessions: Sessions, clock: Clock, lease: timedelta, still_for: timedelta = STILL_FOR
) -> Iterator[TicketRoom]:
    """The desk and the sweep over one connection to Kayako.

    `lease` is longer than any run may last, `still_for` longer than any message is on its way.
    """
    ledger = PostgresLedger(sessions, lease)
    known = known_capabilities(sessions, settings.kayako_url)
    with (
        turning(shared_board("tickets", settings, clock)) as board,
        KayakoClient(settings, clock, known, breaker=board.breaker(PROVIDER, KNOCKING)) as client,
    ):
        help_desk = KayakoDesk(client, settings, clock, known)
        line = Line(PostgresGate(sessions, settings.kayako_url))
        desk = Desk(ledger, PostgresConversations(sessions), help_desk, line, quiet_s(settings, known))
        yield TicketRoom(desk, Sweep(ledger, help_desk, clock, still_for))


def quiet_s(settings: KayakoSettings, known: Capabilities) -> float:
    """How long after an unanswered create call a case may still appear."""
    return max(settings.kayako_quiet_s, TIMES_AS_LONG * (known.shown_after_s or 0))


@contextmanager
def summary_room(settings: SummarySettings, sessions: Sessions, clock: Clock) -> Iterator[Summariser]:
    """The summariser; without an API key it needs no model and imports none."""
    conversations, store = PostgresConversations(sessions), PostgresSummaryStore(sessions, settings.rates)
    if settings.openai_api_key is None:
        yield Summariser(conversations, store, None)
        return
    from services.ticketing.adapters.summary_model import OpenAISummaries  # noqa: PLC0415  (a second of import)

    key = settings.openai_api_key.get_secret_value()
    with turning(shared_board("summaries", settings, clock)) as board:
        model = OpenAISummaries(settings, key, board.breaker(SUMMARY_MODEL))
        try:
            writer: SummaryModel = model
            yield Summariser(conversations, store, writer)
        finally:
            model.close()
