"""API keys on the command line: `python -m services.gateway.keys create|list|revoke`."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.gateway.settings import KeySettings
from shared.clock import SystemClock
from shared.database.engine import make_engine, sync_sessions
from shared.database.models import ApiKey
from shared.security.api_keys import Scope, key_hash, new_key
from shared.settings import load_or_exit

DEFAULT_DAYS = 90
LONGEST_DAYS = 730


class NoSuchKey(Exception):
    """There is no key with this id."""


def create(session: Session, pepper: str, name: str, scopes: list[Scope], expires_at: datetime) -> str:
    """Store a new key and return it; it cannot be read again."""
    key = new_key()
    session.add(
        ApiKey(
            name=name,
            last_four=key[-4:],
            key_hash=key_hash(key, pepper),
            scopes=[scope.value for scope in scopes],
            expires_at=expires_at,
        )
    )
    return key


def listing(session: Session, now: datetime) -> list[str]:
    """A line for each key, oldest first; never the key itself."""
    keys = session.scalars(select(ApiKey).order_by(ApiKey.created_at))
    return [f"{key.id}  …{key.last_four}  {_state(key, now):<20}  {','.join(key.scopes)}  {key.name}" for key in keys]


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is None:
        return "valid"
    return "expired" if key.expires_at <= now else f"valid to {key.expires_at:%Y-%m-%d}"


def revoke(session: Session, key_id: UUID, now: datetime) -> None:
    """End a key at once; running gateways obey within seconds. Raises NoSuchKey."""
    key = session.get(ApiKey, key_id, with_for_update=True)
    if key is None:
        raise NoSuchKey(f"there is no key {key_id}; `list` shows what there is")
    key.revoked_at = key.revoked_at or now


def _scopes(text: str) -> list[Scope]:
    try:
        return sorted({Scope(name.strip()) for name in text.split(",")})
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; there are: {', '.join(Scope)}") from error


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= LONGEST_DAYS:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {LONGEST_DAYS}")
    return int(text)


def _name(text: str) -> str:
    if not text.strip() or len(text) > 200 or not text.isprintable():
        raise argparse.ArgumentTypeError("must have 1 to 200 printable characters")
    return text.strip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.gateway.keys", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    create_parser = verbs.add_parser("create", help="make a key and print it, once")
    create_parser.add_argument("--name", type=_name, required=True, help="who will use it")
    create_parser.add_argument("--scopes", type=_scopes, required=True, help=", ".join(Scope))
    create_parser.add_argument(
        "--days", type=_days, default=DEFAULT_DAYS, help=f"valid for, {DEFAULT_DAYS} if not given"
    )
    verbs.add_parser("list", help="all keys, without the keys")
    verbs.add_parser("revoke", help="end a key").add_argument("id", type=UUID)
    return parser


def main() -> None:
    """The command line. The key alone goes to standard output, so that a script can take it."""
    chosen = _parser().parse_args()
    settings = load_or_exit(KeySettings)
    now = SystemClock().now()
    engine = make_engine(settings, "keys")
    try:
        with sync_sessions(engine).begin() as session:
            match chosen.verb:
                case "create":
                    pepper = settings.api_key_pepper.get_secret_value()
                    expires_at = now + timedelta(days=chosen.days)
                    lines = [create(session, pepper, chosen.name, chosen.scopes, expires_at)]
                case "list":
                    lines = listing(session, now)
                case _:
                    revoke(session, chosen.id, now)
                    lines = []
    except NoSuchKey as error:
        sys.exit(str(error))
    finally:
        engine.dispose()
    sys.stdout.writelines(f"{line}\n" for line in lines)


if __name__ == "__main__":
    main()
