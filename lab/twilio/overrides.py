"""The fragment of a webhook address, with which its owner tunes time limits and retries; it is never sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urldefrag

Failure = Literal["ct", "rt", "4xx", "5xx"]
"""Kinds a retry can be asked for: no connection, no answer in time, and the two classes of status."""
_LIMITS = {"ct": (100, 10_000), "rt": (100, 15_000), "tt": (100, 15_000), "rc": (0, 5)}
_KINDS: tuple[Failure, ...] = ("ct", "rt", "4xx", "5xx")


@dataclass(frozen=True, slots=True)
class Overrides:
    """How one address is called; seconds."""

    connect_s: float
    read_s: float
    total_s: float
    retries: int = 1
    retried: frozenset[Failure] = frozenset({"ct"})


def split(url: str, connect_s: float, total_s: float) -> tuple[str, Overrides]:
    """The address without its fragment, and what the fragment asks for.

    Raises ValueError for a fragment Twilio would refuse (11243).
    """
    address, fragment = urldefrag(url)
    values: dict[str, int] = {}
    retried: frozenset[Failure] = frozenset({"ct"})
    for name, value in parse_qsl(fragment, keep_blank_values=True):
        if name == "rp":
            retried = _policy(value)
        elif name in _LIMITS:
            lowest, highest = _LIMITS[name]
            if not value.isdigit() or not lowest <= int(value) <= highest:
                raise ValueError(f"{name}={value} is not within {lowest} and {highest}")
            values[name] = int(value)
        elif name not in ("sni", "e"):
            raise ValueError(f"unknown override {name}")
    return address, Overrides(
        connect_s=values["ct"] / 1000 if "ct" in values else connect_s,
        read_s=values["rt"] / 1000 if "rt" in values else total_s,
        total_s=values["tt"] / 1000 if "tt" in values else total_s,
        retries=values.get("rc", 1),
        retried=retried,
    )


def _policy(value: str) -> frozenset[Failure]:
    if value == "all":
        return frozenset(_KINDS)
    kinds = frozenset(kind for kind in _KINDS if kind in value.split(","))
    if len(kinds) != len(value.split(",")):
        raise ValueError(f"rp={value} names an unknown kind of failure")
    return kinds
