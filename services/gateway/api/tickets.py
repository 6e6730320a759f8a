"""`/api/v1/tickets`: what became of conversations in the help desk; asked of the ticketing room."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from services.gateway.api.documented import api_router, documented
from services.gateway.api.strict import PageQuery
from services.gateway.auth.requires import Requires
from services.gateway.wiring import Wired
from shared.contracts.tickets import Ticket, TicketPage, TicketState
from shared.errors import NotFound
from shared.security.api_keys import Scope

routes = api_router("tickets")

_TICKET_EXAMPLE = {
    "id": "7e1a9c55-3b60-4d7e-8c53-4d1b7d0f9e21",
    "conversation_id": "2f8f1f0a-63f5-4f3c-8a9e-6c3b1d7e5a42",
    "state": "open",
    "marker": "call-ca0f3e5b7c9d1e2f30415263748596a7b8",
    "subject": "Router does not restart",
    "case_id": 1042,
    "case_url": "https://example.kayako.com/agent/conversations/1042",
    "attempts": 1,
    "parked_reason": None,
    "joined_ticket_id": None,
    "created_at": "2026-11-20T08:25:03Z",
    "opened_at": "2026-11-20T08:25:07Z",
}


class TicketQuery(PageQuery):
    """Which tickets."""

    state: TicketState | None = None
    conversation_id: UUID | None = None


@routes.get(
    "",
    dependencies=[Depends(Requires(Scope.TICKETS_READ))],
    responses=documented({"tickets": [_TICKET_EXAMPLE], "total": 1}),
)
async def list_tickets(query: Annotated[TicketQuery, Query()], wiring: Wired) -> TicketPage:
    """List tickets, newest first."""
    asked = query.model_dump(mode="json", exclude_none=True)
    answer = await wiring.ticketing.ask("GET", "/tickets", params=asked)
    return TicketPage.model_validate_json(answer.content)


@routes.get(
    "/{ticket_id}",
    dependencies=[Depends(Requires(Scope.TICKETS_READ))],
    responses=documented(_TICKET_EXAMPLE, NotFound),
)
async def get_ticket(ticket_id: UUID, wiring: Wired) -> Ticket:
    """Read one ticket."""
    answer = await wiring.ticketing.ask("GET", f"/tickets/{ticket_id}")
    return Ticket.model_validate_json(answer.content)
