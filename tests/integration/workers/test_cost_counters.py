"""The watch's counters of what calls cost: every charge once, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr
from sqlalchemy import func

from services.workers.record_figures import SETTLED, RecordFigures
from shared.database.engine import Sessions, make_engine, sync_sessions
from shared.database.models import Charge
from shared.settings import DatabaseSettings
from tests.conversations import a_conversation


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    engine = make_engine(DatabaseSettings(database_url=SecretStr(database_url)), "test")
    yield sync_sessions(engine)
    engine.dispose()


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"callwright_{name}_total", labels) or 0.0


def test_charges_are_counted_once_when_their_transactions_are_over(sessions: Sessions) -> None:
    before = counted("cost", provider="elevenlabs", currency="USD")
    used = counted("usage", provider="elevenlabs", unit="characters")
    unpriced = counted("unpriced", provider="elevenlabs", unit="characters")
    figures = RecordFigures(sessions)
    figures.measure()
    with sessions.begin() as session:
        call = a_conversation(session)
        for contributor, amount, ago in (("voice:1", "0.25", SETTLED), ("voice:2", None, SETTLED), ("late", "9", None)):
            session.add(
                Charge(
                    conversation_id=call.conversation_id,
                    contributor=contributor,
                    provider="elevenlabs",
                    item="eleven_flash_v2_5",
                    unit="characters",
                    quantity=Decimal(100),
                    amount=Decimal(amount) if amount is not None else None,
                    currency="USD" if amount is not None else None,
                    noted_at=func.now() - ago if ago is not None else func.now(),
                )
            )
    figures.measure()
    figures.measure()
    assert counted("cost", provider="elevenlabs", currency="USD") - before == 0.25
    assert counted("usage", provider="elevenlabs", unit="characters") - used == 200
    assert counted("unpriced", provider="elevenlabs", unit="characters") - unpriced == 100
