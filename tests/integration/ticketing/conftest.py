"""A ticket room on real PostgreSQL and the lab's Kayako, in the test's own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine

from services.ticketing.adapters.conversations import PostgresConversations
from services.ticketing.adapters.kayako_desk import KayakoDesk
from services.ticketing.adapters.ledger import PostgresLedger
from services.ticketing.application.desk import Desk
from services.ticketing.application.line import Entry, Gate, Line
from services.ticketing.application.ports import HelpDesk, Ledger
from services.ticketing.application.sweep import Sweep
from shared.clients.kayako import KayakoClient
from shared.clock import SystemClock
from shared.database.engine import Sessions, database_address, sync_sessions
from shared.database.models import Ticket, Turn
from shared.settings import DatabaseSettings
from tests.conversations import a_conversation, close
from tests.lab_kayako import LabKayako, lab_kayako

LEASE = timedelta(seconds=30)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_address(DatabaseSettings(database_url=SecretStr(database_url))), pool_size=20)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> Sessions:
    return sync_sessions(engine)


@pytest.fixture
def kayako() -> Iterator[LabKayako]:
    with lab_kayako() as lab:
        yield lab


class NoGate:
    """Keeps nobody out: most tests meet a help desk that fails and is asked again at once."""

    def enter(self, ticket_id: UUID) -> Entry:  # noqa: ARG002
        return Entry.FREE

    def close(self, for_s: float | None) -> None:
        pass

    def open(self) -> None:
        pass


@dataclass
class Room:
    """The room's parts over one help desk."""

    sessions: Sessions
    help_desk: HelpDesk
    quiet_s: float = 90
    lease: timedelta = LEASE
    gate: Gate = field(default_factory=NoGate)
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = PostgresLedger(self.sessions, self.lease)

    def desk(self, ledger: Ledger | None = None, help_desk: HelpDesk | None = None) -> Desk:
        """A desk as one run of a task sees it."""
        return Desk(
            ledger or self.ledger,
            PostgresConversations(self.sessions),
            help_desk or self.help_desk,
            Line(self.gate),
            self.quiet_s,
        )

    def open(self, ticket_id: UUID) -> None:
        self.desk().open_ticket(ticket_id)

    def ticket(self, ticket_id: UUID) -> Ticket:
        with self.sessions() as session:
            return session.get_one(Ticket, ticket_id)

    def planned(self, turns: list[Turn] | None = None, **fields: Any) -> UUID:
        """The ticket of a conversation that has just been closed."""
        with self.sessions.begin() as session:
            return close(session, a_conversation(session, turns=turns, **fields))

    def sweep(self, still_for: timedelta = timedelta()) -> Sweep:
        return Sweep(self.ledger, self.help_desk, SystemClock(), still_for)


MakeRoom = Callable[..., Room]


@pytest.fixture
def make_room(sessions: Sessions, kayako: LabKayako) -> Iterator[MakeRoom]:
    """Rooms over the lab's Kayako; `timeout_s` is the client's."""
    clients: list[KayakoClient] = []

    def make(quiet_s: float = 90, timeout_s: float = 2) -> Room:
        settings, clock = kayako.settings(kayako_timeout_s=timeout_s), SystemClock()
        clients.append(KayakoClient(settings, clock))
        return Room(sessions, KayakoDesk(clients[-1], settings, clock), quiet_s)

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def room(make_room: MakeRoom) -> Room:
    return make_room()
