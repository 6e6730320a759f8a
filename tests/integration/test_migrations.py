"""The migrations and the models describe the same schema, forwards and backwards."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import create_engine, inspect

from shared.database import migrate
from shared.database.engine import database_address
from shared.settings import DatabaseSettings


@pytest.fixture
def settings(database_url: str) -> DatabaseSettings:
    return DatabaseSettings(database_url=SecretStr(database_url))


def tables(settings: DatabaseSettings) -> set[str]:
    engine = create_engine(database_address(settings))
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_there_is_one_newest_revision(settings: DatabaseSettings) -> None:
    script = ScriptDirectory.from_config(migrate.configuration(settings))
    assert len(script.get_heads()) == 1


def test_the_models_are_what_the_migrations_build(settings: DatabaseSettings) -> None:
    command.check(migrate.configuration(settings))


def test_every_revision_can_be_taken_back_and_applied_again(settings: DatabaseSettings) -> None:
    configuration = migrate.configuration(settings)
    complete = tables(settings)
    command.downgrade(configuration, "base")
    assert tables(settings) == {"alembic_version"}
    migrate.upgrade(settings)
    assert tables(settings) == complete
