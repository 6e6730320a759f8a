"""How Alembic runs here: one migrator at a time, and never waiting long for a lock that calls need."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine, pool, text

from shared.database import models  # noqa: F401  (registers every table)
from shared.database.base import Base

ONE_MIGRATOR = 7_221_001
"""Advisory lock that all migrators take; the number only has to be ours."""


def run(connection: Connection) -> None:
    """Migrate over this connection, holding the advisory lock."""
    connection.execute(text("SET lock_timeout = '4s'"))
    connection.execute(text("SET statement_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ONE_MIGRATOR})
    connection.commit()
    try:
        context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ONE_MIGRATOR})
        connection.commit()


if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        run(connection)
