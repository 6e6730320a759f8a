"""Query parameters as the vendor reads them: booleans in lower case, integers, one of a list."""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import QueryParams

from lab.deepgram.refusals import Refused


def _refuse(name: str, value: str, wanted: str) -> Refused:
    message = f"Invalid query string. Failed to deserialize query parameters: {name}: {value!r}, expected {wanted}"
    return Refused(400, message, "INVALID_QUERY_PARAMETER")


def flag(query: QueryParams, name: str) -> bool:
    """`true` or `false`; false when absent. Raises Refused."""
    value = query.get(name, "false")
    if value not in ("true", "false"):
        raise _refuse(name, value, "`true` or `false`")
    return value == "true"


def whole_number(query: QueryParams, name: str) -> int | None:
    """A non-negative integer, or None when absent. Raises Refused."""
    value = query.get(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdigit()):
        raise _refuse(name, value, "an integer")
    return int(value)


def one_of(query: QueryParams, name: str, allowed: Collection[str]) -> str | None:
    """One of the allowed values, or None when absent. Raises Refused."""
    value = query.get(name)
    if value is not None and value not in allowed:
        raise _refuse(name, value, f"one of {', '.join(sorted(allowed))}")
    return value


def number(query: QueryParams, name: str) -> float | None:
    """A number, or None when absent. Raises Refused."""
    value = query.get(name)
    try:
        return None if value is None else float(value)
    except ValueError:
        raise _refuse(name, value or "", "a number") from None
