"""How asking a provider went: the labels of `callwright_provider_results_total`."""

from __future__ import annotations

from enum import StrEnum

from shared.observability import metrics


class Capability(StrEnum):
    """What a provider does for us."""

    HEARING = "hearing"
    SPEECH = "speech"


class Result(StrEnum):
    """How it went."""

    OK = "ok"
    TIMEOUT = "timeout"
    ERROR = "error"
    REFUSED = "refused"
    GARBAGE = "garbage"
    EMPTY = "empty"


def count(provider: str, capability: Capability, result: Result) -> None:
    """Count one result."""
    metrics.provider_results_total.labels(provider=provider, capability=capability.value, result=result.value).inc()
