"""API keys: `cw_live_` + 37 random characters + a checksum of 6, kept only as a keyed hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
import zlib
from enum import StrEnum

ALPHABET = string.digits + string.ascii_letters
PREFIX = "cw_live_"
RANDOM_LENGTH = 37
CHECK_LENGTH = 6


class Scope(StrEnum):
    """What a key may do; `noun:verb`."""

    CALLS_READ = "calls:read"
    CALLS_START = "calls:start"
    """Have somebody called: it costs money."""
    CALLS_CONTROL = "calls:control"
    """End calls that are going on, or put them through."""
    TRANSCRIPTS_READ = "transcripts:read"
    TICKETS_READ = "tickets:read"
    KNOWLEDGE_READ = "knowledge:read"
    KNOWLEDGE_WRITE = "knowledge:write"
    AGENTS_READ = "agents:read"
    AGENTS_WRITE = "agents:write"
    OPERATIONS_READ = "operations:read"
    OPERATIONS_WRITE = "operations:write"
    """Set the level the platform lives on."""


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, rest = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[rest])
    return "".join(reversed(digits))


def _check(random_part: str) -> str:
    return _base62(zlib.crc32(random_part.encode()), CHECK_LENGTH)


def new_key() -> str:
    """A fresh key, to be shown once."""
    random_part = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    return f"{PREFIX}{random_part}{_check(random_part)}"


def is_well_formed(key: str) -> bool:
    """Whether prefix, length and checksum fit: false for most strings that only look like a key."""
    body = key.removeprefix(PREFIX)
    if not key.startswith(PREFIX) or len(body) != RANDOM_LENGTH + CHECK_LENGTH or not body.isascii():
        return False
    return hmac.compare_digest(_check(body[:RANDOM_LENGTH]), body[RANDOM_LENGTH:])


def key_hash(key: str, pepper: str) -> bytes:
    """What is stored and looked up: HMAC-SHA-256 under the deployment's pepper, 32 bytes."""
    return hmac.new(pepper.encode(), key.encode(), hashlib.sha256).digest()
