"""`make migration M="…"`: a revision from the difference between the models and a freshly migrated database."""

from __future__ import annotations

from alembic import command
from alembic.script import ScriptDirectory
from pydantic import SecretStr

from lab.stack import servers
from lab.stack.place import take
from lab.stack.ports import free_ports
from lab.stack.supervisor import Supervisor
from shared.database import migrate
from shared.settings import DatabaseSettings


def migration(message: str) -> int:
    """Write the revision's file; read it before you commit it: a rename looks like a loss."""
    with take("migration", fresh=True) as place, Supervisor(place.logs) as supervisor:
        (port,) = free_ports(1)
        program, address = servers.postgres(place, port)
        supervisor.start([program])
        settings = DatabaseSettings(database_url=SecretStr(address))
        migrate.upgrade(settings)
        configuration = migrate.configuration(settings)
        newest = ScriptDirectory.from_config(configuration).get_current_head() or "0000"
        command.revision(configuration, message=message, autogenerate=True, rev_id=f"{int(newest) + 1:04d}")
    return 0
