"""What an agent's profile means for a conversation."""

from __future__ import annotations

from dataclasses import dataclass

from shared.contracts.agents import AgentProfile
from shared.contracts.conversations import EmailPolicy, Opening
from shared.contracts.relay import Transport


@dataclass(frozen=True, slots=True)
class Rules:
    """What this agent may do, as the phases of a conversation need to know it."""

    language: str
    """BCP 47, of the conversation at present."""
    languages: tuple[str, ...]
    """Every language a caller may ask for, the agent's own first."""
    name: str
    company: str
    greeting: str
    opening: Opening
    can_search: bool
    can_open_ticket: bool
    can_transfer: bool
    records: bool
    """The call is recorded, once the caller has heard that from us."""
    has_model: bool
    email_policy: EmailPolicy
    initial_message: str = ""
    """What we have to say when it is us who called; empty when we were called."""


def rules_of(profile: AgentProfile, *, has_model: bool, initial_message: str = "") -> Rules:
    """The rules of an agent, with or without a model behind it."""
    return Rules(
        language=profile.language,
        languages=profile.codes,
        name=profile.name,
        company=profile.company,
        greeting=profile.greeting,
        opening=profile.opening,
        can_search="search_knowledge" in profile.tools,
        can_open_ticket="open_ticket" in profile.tools,
        can_transfer=profile.transfer_number is not None,
        # Of a relay session Twilio itself says so, before it begins.
        records=profile.records_calls and profile.transport is Transport.MEDIA_STREAMS,
        has_model=has_model,
        email_policy=profile.email_policy,
        initial_message=initial_message,
    )
