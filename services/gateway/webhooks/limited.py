"""What a caller hears whose call is over a limit.

No row is made: a flood of calls would become a flood of rows, each of which must be closed, counted and reconciled.
The metric counts them, and Twilio's own record has each.
"""

from __future__ import annotations

from starlette.responses import Response

from services.gateway.webhooks import twiml
from services.gateway.webhooks.known_agents import KnownAgents
from services.gateway.webhooks.phrases import phrases_for
from services.gateway.webhooks.report import CallReport
from services.gateway.webhooks.switchboard import NO_AGENTS_LANGUAGE, twiml_response
from shared.limits.bucket import Kind, Refusal


def not_taken(report: CallReport, refusal: Refusal, agents: KnownAgents) -> Response:
    """A sentence in the language of the dialled number's agent, as far as it is known without asking, and the end."""
    agent = agents.of(report.to_number)
    phrases = phrases_for(agent.language if agent is not None else NO_AGENTS_LANGUAGE)
    why = phrases.called_too_often if refusal.kind is Kind.CALLER else phrases.lines_busy
    return twiml_response(twiml.hang_up(phrases, [why, phrases.please_call_again]))
