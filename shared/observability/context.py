"""The ids that tie log lines, HTTP calls and tasks of one conversation together (W3C trace context)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

_TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")


def new_trace_id() -> str:
    """32 hexadecimal digits."""
    return secrets.token_hex(16)


def current_trace_id() -> str:
    """The trace id bound in this context, or an empty string."""
    return str(structlog.contextvars.get_contextvars().get("trace_id", ""))


def trace_id_of(traceparent: str | None) -> str | None:
    """The trace id of a `traceparent` header, or None when there is none that can be used."""
    found = _TRACEPARENT.match(traceparent or "")
    return found.group(1) if found else None


def traceparent() -> str:
    """A `traceparent` header for an outgoing request."""
    return f"00-{current_trace_id() or new_trace_id()}-{secrets.token_hex(8)}-01"


@contextmanager
def bound(**ids: str) -> Iterator[None]:
    """Bind ids to every log line inside the block."""
    tokens = structlog.contextvars.bind_contextvars(**ids)
    try:
        yield
    finally:
        structlog.contextvars.reset_contextvars(**tokens)
