"""What a person is told about a caller before they take the call: one or two sentences from the record. Pure."""

from __future__ import annotations

from services.gateway.webhooks.phrases import Phrases
from shared.contracts.conversations import Speaker
from shared.conversation.spoken.speakable import speakable
from shared.conversation.state import ConversationState
from shared.security.redaction import redact

LONGEST_MATTER = 220
"""Characters; about fifteen seconds of speech, while a caller waits."""


def briefing(phrases: Phrases, company: str, state: ConversationState) -> str:
    """Who waits and what for, in what the caller said; contact data and card numbers are left out."""
    waits = phrases.caller_waits.replace("{company}", company)
    matter = _matter(state)
    return f"{waits} {phrases.it_is_about} {matter}" if matter else waits


def _matter(state: ConversationState) -> str:
    """The latest question, else the longest thing the caller said about the matter."""
    if state.questions:
        text = state.questions[-1].text
    else:
        said = (one.text for one in state.history if one.speaker is Speaker.CALLER and not one.private)
        text = max(said, key=len, default="")
    text = speakable(redact(text)).strip()
    if len(text) > LONGEST_MATTER:
        text = text[:LONGEST_MATTER].rsplit(" ", 1)[0]
    return text if not text or text[-1] in ".?!" else f"{text}."
