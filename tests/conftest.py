"""Real servers for every test that asks for one: started once, a fresh database and an empty Redis for each test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import redis
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr

from lab.stack import servers as programs
from lab.stack.place import take
from lab.stack.ports import free_ports
from lab.stack.program import Running, start, stop, wait_until_ready
from shared.database import migrate
from shared.settings import DatabaseSettings

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
TEMPLATE = "callwright_template"

# The same examples on every machine and every day; `make explore` looks for new ones.
hypothesis_settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
hypothesis_settings.register_profile("explore", deadline=None)
hypothesis_settings.load_profile("repeatable")


@dataclass(frozen=True)
class Servers:
    """Addresses of the servers that all tests share."""

    postgres: str
    redis: str
    chroma: str


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """PostgreSQL, Redis and Chroma, for the whole run."""
    with take("test", fresh=True) as place:
        postgres_port, redis_port, chroma_port = free_ports(3)
        postgres, postgres_address = programs.postgres(place, postgres_port)
        redis_program, redis_address = programs.redis_server(place, redis_port)
        chroma, chroma_address = programs.chroma(place, chroma_port)
        started: list[Running] = [start(program, place.logs) for program in (postgres, redis_program, chroma)]
        try:
            for running in started:
                wait_until_ready(running)
            _make_template(postgres_address)
            yield Servers(postgres_address, redis_address, chroma_address)
        finally:
            stop(started)


def _make_template(address: str) -> None:
    """A migrated database that each test's own is copied from."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    migrate.upgrade(DatabaseSettings(database_url=SecretStr(_named(address, TEMPLATE))))


def _named(address: str, database: str) -> str:
    return f"{address.rsplit('/', 1)[0]}/{database}"


@pytest.fixture
def database_url(servers: Servers) -> Iterator[str]:
    """A database of the test's own, with all migrations applied; commits in it are real."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(servers.postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        yield _named(servers.postgres, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def redis_url(servers: Servers) -> Iterator[str]:
    """An empty Redis."""
    with redis.Redis.from_url(servers.redis) as client:
        client.flushall()
        yield servers.redis
        client.flushall()


@pytest.fixture
def chroma_url(servers: Servers) -> str:
    """The Chroma server; collections of a test carry names of their own."""
    return servers.chroma


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The data sets that lie beside the checkout; tests on them skip, and say so, where they are absent."""
    if not DATA.is_dir():
        pytest.skip("the data sets are not beside this checkout (../shared/data)")
    return DATA
