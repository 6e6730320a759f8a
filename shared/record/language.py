"""What language a conversation is held in, from its row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Held(Protocol):
    """A conversation's row, or one that is kept while the database is away."""

    language: Any
    checkpoint: Any


def language_of(conversation: Held) -> str:
    """BCP 47: what the caller asked for, or else what the agent began in."""
    checkpoint = conversation.checkpoint
    asked = checkpoint.get("language") if isinstance(checkpoint, Mapping) else None
    return asked if isinstance(asked, str) and asked else str(conversation.language)
