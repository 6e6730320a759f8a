"""All tables; importing this package registers every one of them."""

from shared.database.models.access import ApiKey
from shared.database.models.agents import Agent, AgentNumber
from shared.database.models.analytics import ConversationFacts
from shared.database.models.background import DeadLetter, InboxRow, OutboxRow, PeriodClaim, Reconciliation
from shared.database.models.conversations import Call, Conversation, Turn
from shared.database.models.figures import CallSession, Charge
from shared.database.models.knowledge import Article, Chunk, Collection
from shared.database.models.telephony import CallPermission, OutboundCall, Recording, Transfer
from shared.database.models.tickets import HelpDeskGate, HelpDeskProbe, Summary, Ticket

__all__ = [
    "Agent",
    "AgentNumber",
    "ApiKey",
    "Article",
    "Call",
    "CallPermission",
    "CallSession",
    "Charge",
    "Chunk",
    "Collection",
    "Conversation",
    "ConversationFacts",
    "DeadLetter",
    "HelpDeskGate",
    "HelpDeskProbe",
    "InboxRow",
    "OutboundCall",
    "OutboxRow",
    "PeriodClaim",
    "Reconciliation",
    "Recording",
    "Summary",
    "Ticket",
    "Transfer",
    "Turn",
]
