"""The words of a conversation that more than one room uses."""

from __future__ import annotations

from enum import StrEnum


class Channel(StrEnum):
    """Where a conversation takes place."""

    PHONE = "phone"


class Speaker(StrEnum):
    """Who said a turn."""

    CALLER = "caller"
    ASSISTANT = "assistant"


class Outcome(StrEnum):
    """How a conversation ended, as the record and the ticket name it."""

    ANSWERED = "answered"
    """Every question was answered from the knowledge base."""
    FOLLOW_UP = "follow_up"
    """Something was left for a person to do; the ticket says what."""
    TRANSFERRED = "transferred"
    """A person took the call."""
    ABANDONED = "abandoned"
    """The caller hung up before the conversation came to an end."""
    SILENT = "silent"
    """The caller never spoke."""
    REFUSED = "refused"
    """We could not take the call."""
    NOT_REACHED = "not_reached"
    """We called, and nobody could be talked to: busy, no answer, a machine."""


class Opening(StrEnum):
    """Who speaks first when a call is answered."""

    GREET = "greet"
    """We do: the greeting, the AI notice, the way to a person."""
    WAIT = "wait"
    """The caller does: whatever put the call through has greeted them and said that an AI answers."""


class TicketPolicy(StrEnum):
    """Which conversations leave a ticket."""

    EVERY_CONVERSATION = "every_conversation"
    """Each conversation in which the caller said something."""
    FOLLOW_UP_ONLY = "follow_up_only"
    """Only those that a person must deal with."""


class RepeatPolicy(StrEnum):
    """What becomes of a call about a problem that has an open case already."""

    JOIN_OPEN_TICKET = "join_open_ticket"
    """It is added to that case as a note, where there is no doubt."""
    NEW_TICKET = "new_ticket"
    """It gets a case of its own."""


class EmailPolicy(StrEnum):
    """When the assistant asks for an e-mail address."""

    ALWAYS = "always"
    FOLLOW_UP_ONLY = "follow_up_only"
    NEVER = "never"


class Priority(StrEnum):
    """Kayako's four levels by meaning; ids differ per tenant."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"
