"""One database for many tests, emptied before each: copying a template for every test would take most of their time."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from shared.database import models  # noqa: F401  (registers every table)
from shared.database.base import Base
from tests.conftest import TEMPLATE, Servers


@pytest.fixture(scope="session")
def one_database(servers: Servers) -> Iterator[str]:
    """A migrated database of these tests' own."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(servers.postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*map(sql.Identifier, (name, TEMPLATE))))
        yield f"{servers.postgres.rsplit('/', 1)[0]}/{name}"
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database_url(one_database: str) -> str:
    """The database, without a row in it; commits in it are real."""
    with psycopg.connect(one_database) as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)))
    return one_database
