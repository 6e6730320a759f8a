"""A whole stack: stores, stand-ins where no keys are set, the platform; started, published, watched, stopped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from lab.stack import platform, servers
from lab.stack.place import Place, take
from lab.stack.platform import Ports
from lab.stack.program import Program
from lab.stack.supervisor import Supervisor
from services.gateway.keys import create
from shared.clock import SystemClock
from shared.database import migrate
from shared.database.engine import make_engine, sync_sessions
from shared.security.api_keys import Scope
from shared.settings import DatabaseSettings, known_names

PREFERRED = {"gateway": 8080, "voice": 8081, "lab_pages": 8090, "flower": 8095}
"""Ports that people type or point tunnels at, taken when they are free."""
KEY_LIFE = timedelta(days=90)


@dataclass(frozen=True)
class Stack:
    """A running stack."""

    place: Place
    addresses: Mapping[str, str]
    environment: Mapping[str, str]
    """What every process was given; holds secrets."""
    api_key: str
    stood_in: tuple[str, ...]
    """Vendors that the lab stands in for."""
    supervisor: Supervisor


@contextmanager
def whole_stack(
    kind: str,
    *,
    fresh: bool,
    given: Mapping[str, str],
    articles: Path | None = None,
    speed: float = 1.0,
    say: Callable[[str], None] = print,
) -> Iterator[Stack]:
    """Start everything and stop it at the end of the block.

    `given` are the operator's own settings; the embedded servers and the lab fill in what is missing. Raises
    StartFailed, NoServer or NoPlace with a message for people.
    """
    with (
        take(kind, fresh=fresh) as place,
        Ports.claim(PREFERRED) as ports,
        Supervisor(place.logs, say) as supervisor,
    ):
        stores, stack_servers = _stores(place, ports, given)
        environment = platform.settings(place, ports, stack_servers, given)
        stood_in = tuple(platform.stood_in(given))
        stand_ins = [platform.lab(ports, environment, articles, speed)] if stood_in else []
        say("Starting the stores" + (" and the lab" if stand_ins else ""))
        supervisor.start([*stores, *stand_ins])
        database = DatabaseSettings(database_url=SecretStr(environment["DATABASE_URL"]))
        migrate.upgrade(database)
        say("Starting the platform")
        supervisor.start(platform.programs(ports, environment, place.folder / "beats"))
        key = desk_key(database, environment["API_KEY_PEPPER"])
        addresses = ports.addresses()
        place.publish(
            {
                "kind": kind,
                "process": os.getpid(),
                "addresses": addresses,
                "api_key": key,
                "stood_in": stood_in,
                "environment": {name: environment[name] for name in known_names() if name in environment},
                "processes": supervisor.process_ids(),
            }
        )
        yield Stack(place, addresses, environment, key, stood_in, supervisor)


def _stores(place: Place, ports: Ports, given: Mapping[str, str]) -> tuple[list[Program], platform.Servers]:
    """The embedded stores, but for those whose address the operator gave."""
    embedded: list[Program] = []

    def address(name: str, make: Callable[[Place, int], tuple[Program, str]], port: int) -> str:
        if name in given:
            return given[name]
        program, address = make(place, port)
        embedded.append(program)
        return address

    found = platform.Servers(
        database_url=address("DATABASE_URL", servers.postgres, ports.postgres),
        redis_url=address("REDIS_URL", servers.redis_server, ports.redis),
        chroma_url=address("CHROMA_URL", servers.chroma, ports.chroma),
    )
    return embedded, found


def desk_key(database: DatabaseSettings, pepper: str) -> str:
    """A new key with every scope for the person at this desk."""
    engine = make_engine(database, "desk")
    try:
        with sync_sessions(engine).begin() as session:
            return create(session, pepper, "this desk", list(Scope), SystemClock().now() + KEY_LIFE)
    finally:
        engine.dispose()
