"""What is kept of a plain line between two webhooks: the reply that is being spoken, and where it leads. Pure.

It lies in the conversation's checkpoint, beside the state that holds when nothing of the reply was heard: whoever
reads only that state, a voice process or the ticket, needs to know nothing of this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from shared.conversation.ports import NextStep
from shared.conversation.state import ConversationState

NAME: Final = "plain_line"
"""Under which it lies in the checkpoint."""


@dataclass(frozen=True, slots=True)
class KeptReply:
    """A reply that was handed to Twilio."""

    turn: int
    """Counted from 1."""
    sentences: tuple[str, ...]
    step: NextStep
    """What follows when it was heard."""
    language: str = ""
    """BCP 47, of the sentences; empty for the agent's own."""
    then: dict[str, Any] = field(default_factory=dict)
    """The conversation's state when it was heard: proven by the request that follows it."""


def kept_in(checkpoint: Mapping[str, Any]) -> KeptReply | None:
    """The reply that is being spoken; None when nothing was said over the plain line yet."""
    found = checkpoint.get(NAME)
    return msgspec.convert(found, KeptReply) if found else None


def checkpoint_of(unheard: ConversationState, reply: KeptReply) -> dict[str, Any]:
    """What is stored while the reply is being spoken."""
    return {**unheard.to_json(), NAME: msgspec.to_builtins(reply)}


def state_after(checkpoint: Mapping[str, Any], reply: KeptReply | None) -> ConversationState:
    """Where the conversation stands when the request after `reply` comes."""
    return ConversationState.from_json(reply.then if reply is not None else checkpoint)
