"""What Twilio says with the webhook after a relay session: how it ended, and what the voice process left with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from shared.contracts.calls import Handoff

PROVIDER_FAILED = frozenset({"64101", "64106", "64114"})
"""The account may not use this voice or recogniser; they do not go together; the recogniser is gone. Another session of
the same kind would fail as well."""


@dataclass(frozen=True, slots=True)
class RelayEnd:
    """The end of one session."""

    handoff: Handoff | None = None
    """Set when our own process ended it."""
    provider_failed: bool = False


def read_relay_end(fields: Mapping[str, str]) -> RelayEnd | None:
    """The end of a relay session in these fields; None when they are about something else."""
    match fields.get("SessionStatus"):
        case "ended":
            return RelayEnd(handoff=_handoff(fields.get("HandoffData", "")))
        case "failed":
            return RelayEnd(provider_failed=fields.get("ErrorCode") in PROVIDER_FAILED)
        case "completed":
            return RelayEnd()
        case _:
            return None


def _handoff(text: str) -> Handoff | None:
    try:
        return Handoff.model_validate_json(text)
    except ValidationError:
        return None
