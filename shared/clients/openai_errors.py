"""What an error of the OpenAI SDK means for us: try again later, or tell a person."""

from __future__ import annotations

import openai

from shared.errors import Permanent, Transient

MONEY_CODES = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    }
)
"""Codes of 429 that no waiting heals."""
MAY_HEAL = frozenset({408, 409, 429})


def error_of(error: Exception, what: str) -> Transient | Permanent:
    """Our error for the SDK's; `what` names the request. The provider's prose stays out: it may quote what we sent.

    The SDK lets an answer that is no JSON through as ValueError: whoever reads whole answers catches that, too.
    """
    if not isinstance(error, openai.APIStatusError):
        return Transient(f"{what}: no answer ({type(error).__name__})")
    name = f"{error.status_code} {error.code or ''}".strip()
    heals = error.status_code >= 500 or error.status_code in MAY_HEAL
    if not heals or error.code in MONEY_CODES:
        return Permanent(f"{what} was refused: {name}")
    return Transient(f"{what} was answered {name}", _seconds(error.response.headers.get("retry-after")))


def _seconds(retry_after: str | None) -> float | None:
    try:
        return float(retry_after) if retry_after else None
    except ValueError:
        return None
