"""Stores and programs for the tests of background work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine

from lab.kayako.desk import EMAIL, PASSWORD
from shared.database.engine import Sessions, database_address, sync_sessions
from shared.settings import DatabaseSettings
from tests.background import Background, background
from tests.lab_kayako import LabKayako, lab_kayako


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


@pytest.fixture
def programs(
    request: pytest.FixtureRequest, database_url: str, redis_url: str, kayako: LabKayako, tmp_path: Path
) -> Iterator[Background]:
    """Programs with short limits, so that what a kill leaves behind comes back within seconds."""
    environment = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "KAYAKO_URL": kayako.address,
        "KAYAKO_EMAIL": EMAIL,
        "KAYAKO_PASSWORD": PASSWORD,
        "KAYAKO_QUIET_S": "2",
        "WORKER_LONGEST_TASK_S": "5",
        "WORKER_LONGEST_WAIT_S": "1",
        "WORKER_CONCURRENCY": "2",
    }
    with background(environment, tmp_path) as running:
        yield running
        if request.session.testsfailed:
            sys.stdout.write(running.logs(200))
