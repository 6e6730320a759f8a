"""`/api/v1/calls/outbound`: having somebody called."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import select

from services.gateway.api.agent_profile import Number, no_secret
from services.gateway.api.documented import BODY, api_router, documented, documented_repeat
from services.gateway.api.strict import Named, Strict
from services.gateway.auth.requires import CurrentKey, Requires
from services.gateway.outbound.orders import Wish
from services.gateway.wiring import Session, Wired
from shared.contracts.calls import CallStatus, OutboundState
from shared.contracts.conversations import Outcome
from shared.database.models import Call, Conversation, OutboundCall
from shared.database.transactions import transaction
from shared.errors import Conflict, NotFound, Permanent
from shared.security.api_keys import Scope

routes = api_router("calls")

LONGEST_MESSAGE = 600
"""Characters; about forty seconds of speech."""
Message = Annotated[Named, Field(min_length=1, max_length=LONGEST_MESSAGE), AfterValidator(no_secret)]

_ORDER_EXAMPLE: dict[str, Any] = {
    "to": "+12025550123",
    "agent_id": "9b2d4c1e-0d57-4f0e-9d6f-5f1f6f2a7c33",
    "initial_message": "Your replacement router was delivered today. Does it work?",
    "idempotency_key": "delivery-20261120-4711",
}
_VIEW_EXAMPLE: dict[str, Any] = {
    **_ORDER_EXAMPLE,
    "id": "c7a1f1de-4c1b-4e6f-8d55-0b7f6e1d2c3a",
    "from": "+18005550101",
    "state": "placed",
    "reason": None,
    "call_id": "5c0c6d0e-8f1b-4a57-9f43-0a6d7d1a2f10",
    "call_sid": "CA0f3e5b7c9d1e2f30415263748596a7b8",
    "status": "ringing",
    "answered_by": None,
    "outcome": None,
    "requested_at": "2026-11-20T08:23:38Z",
}


class NewOutboundCall(Strict):
    """Whom to call, and what to say first."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ORDER_EXAMPLE]})

    to: Number = Field(description="E.164, in a country that may be called")
    agent_id: UUID = Field(description="the agent that calls, from the lowest number it answers")
    initial_message: Message = Field(
        description="what the assistant says first, after who it is and that it is an AI; no secrets"
    )
    idempotency_key: str = Field(
        min_length=8, max_length=200, pattern=r"^[\x21-\x7e]+$",
        description="names this call: repeated with the same key, nobody is called twice",
    )  # fmt: skip


class OutboundView(BaseModel):
    """An order to call somebody, and what became of it."""

    model_config = ConfigDict(populate_by_name=True)

    id: UUID
    to: str
    from_number: str = Field(alias="from")
    agent_id: UUID
    initial_message: str
    idempotency_key: str
    state: OutboundState = Field(
        description="planned: not placed, repeat the request; sending, unknown: may have been placed, is looked for"
    )
    reason: str | None = Field(description="why there is no call")
    call_id: UUID | None = Field(description="its record in /calls; null while there is none")
    call_sid: str | None
    status: CallStatus | None
    answered_by: str | None = Field(description="human, machine_start and so on; null when nobody listened for it")
    outcome: Outcome | None
    requested_at: datetime


@routes.post(
    "/outbound",
    status_code=201,
    dependencies=[Depends(Requires(Scope.CALLS_START))],
    responses=documented(_VIEW_EXAMPLE, *BODY, NotFound, Conflict, Permanent, status=201)
    | documented_repeat(OutboundView, _VIEW_EXAMPLE),
    response_model=OutboundView,
)
async def start_call(order: NewOutboundCall, key: CurrentKey, wiring: Wired, response: Response) -> OutboundView:
    """Have somebody called; 200 instead of 201 for a repeat, which never places a second call.

    503 means that certainly no call was placed: the same request tries again. When Twilio does not answer, or we
    answer 504, the order may stand as `unknown`; repeating the request looks for the call and never places another one.
    """
    wish = Wish(
        idempotency_key=order.idempotency_key,
        api_key_id=key.id,
        agent_id=order.agent_id,
        to_number=order.to,
        message=order.initial_message,
    )
    outbound_id, is_new = await wiring.placing.order(wish)
    if not is_new:
        response.status_code = 200
    async with transaction(wiring.sessions) as session:
        return await _view(session, outbound_id)


@routes.get(
    "/outbound/{outbound_id}",
    dependencies=[Depends(Requires(Scope.CALLS_READ))],
    responses=documented(_VIEW_EXAMPLE, NotFound),
    response_model=OutboundView,
)
async def get_outbound_call(outbound_id: UUID, session: Session) -> OutboundView:
    """Read one order and how its call stands."""
    return await _view(session, outbound_id)


async def _view(session: Session, outbound_id: UUID) -> OutboundView:
    found = await session.execute(
        select(OutboundCall, Call, Conversation.outcome)
        .outerjoin(Call, Call.call_sid == OutboundCall.call_sid)
        .outerjoin(Conversation, Conversation.id == Call.conversation_id)
        .where(OutboundCall.id == outbound_id)
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound("there is no such order")
    order: OutboundCall = row[0]
    call: Call | None = row[1]
    outcome: str | None = row[2]
    return OutboundView(
        id=order.id,
        to=order.to_number,
        from_number=order.from_number,
        agent_id=order.agent_id,
        initial_message=order.message,
        idempotency_key=order.idempotency_key,
        state=order.state,
        reason=order.reason,
        call_id=call.id if call is not None else None,
        call_sid=order.call_sid,
        status=call.status if call is not None else None,
        answered_by=call.answered_by if call is not None else None,
        outcome=outcome,
        requested_at=order.requested_at,
    )
