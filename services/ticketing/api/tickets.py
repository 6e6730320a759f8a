"""`/tickets`: where the tickets of conversations stand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.contracts.tickets import Ticket, TicketPage, TicketState
from shared.database import models
from shared.database.engine import AsyncSessions
from shared.database.transactions import transaction
from shared.errors import NotFound

routes = APIRouter()


class TicketQuery(BaseModel):
    """Which tickets."""

    model_config = ConfigDict(extra="forbid")

    state: TicketState | None = None
    conversation_id: UUID | None = None
    limit: int = Field(default=50, ge=1, le=200)
    offset: int = Field(default=0, ge=0, le=1_000_000)


async def _open_session(request: Request) -> AsyncIterator[AsyncSession]:
    async with transaction(cast(AsyncSessions, request.app.state.sessions)) as session:
        yield session


OpenSession = Annotated[AsyncSession, Depends(_open_session, scope="function")]


@routes.get("/tickets")
async def list_tickets(query: Annotated[TicketQuery, Query()], session: OpenSession) -> TicketPage:
    """Tickets, newest first."""
    chosen = select(models.Ticket)
    if query.state is not None:
        chosen = chosen.where(models.Ticket.state == query.state.value)
    if query.conversation_id is not None:
        chosen = chosen.where(models.Ticket.conversation_id == query.conversation_id)
    total = await session.scalar(select(func.count()).select_from(chosen.subquery()))
    page = chosen.order_by(models.Ticket.created_at.desc(), models.Ticket.id).limit(query.limit).offset(query.offset)
    rows = await session.scalars(page)
    return TicketPage(tickets=[Ticket.model_validate(row) for row in rows], total=total or 0)


@routes.get("/tickets/{ticket_id}")
async def get_ticket(ticket_id: UUID, session: OpenSession) -> Ticket:
    """One ticket."""
    row = await session.get(models.Ticket, ticket_id)
    if row is None:
        raise NotFound("there is no such ticket")
    return Ticket.model_validate(row)
