"""Brings the schema to the newest revision: `python -m shared.database.migrate [upgrade|downgrade|revision] …`."""

from __future__ import annotations

import argparse
from pathlib import Path

from alembic import command
from alembic.config import Config

from shared.database.engine import database_address
from shared.settings import DatabaseSettings, load_or_exit

MIGRATIONS = Path(__file__).with_name("migrations")


def configuration(settings: DatabaseSettings) -> Config:
    """Alembic's configuration, made here so that no file holds an address."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = database_address(settings)
    return config


def upgrade(settings: DatabaseSettings) -> None:
    """Apply every revision that is missing; safe to run from several processes at once."""
    command.upgrade(configuration(settings), "head")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(dest="verb")
    verbs.add_parser("upgrade")
    verbs.add_parser("downgrade").add_argument("revision")
    verbs.add_parser("revision").add_argument("message")
    chosen = parser.parse_args()
    config = configuration(load_or_exit(DatabaseSettings))
    match chosen.verb:
        case "downgrade":
            command.downgrade(config, chosen.revision)
        case "revision":
            command.revision(config, message=chosen.message, autogenerate=True)
        case _:
            command.upgrade(config, "head")


if __name__ == "__main__":
    main()
