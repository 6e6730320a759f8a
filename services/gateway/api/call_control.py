"""`/api/v1/calls/{id}/…`: an operator takes a call out of its voice process, whatever that is doing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel, Field

from services.gateway.api.call_records import CallRecords
from services.gateway.api.documented import api_router, documented
from services.gateway.auth.requires import CurrentKey, Requires
from services.gateway.telephone.twilio_calls import CallOver
from services.gateway.wiring import Wired
from shared.contracts.calls import CallStatus
from shared.database.models import Agent
from shared.database.transactions import transaction
from shared.errors import Conflict, NotFound, Permanent
from shared.observability.logs import get_logger
from shared.security.api_keys import Scope

log = get_logger(__name__)
routes = api_router("calls")

_EXAMPLE: dict[str, Any] = {"call_id": "5c0c6d0e-8f1b-4a57-9f43-0a6d7d1a2f10", "accepted": True}


class Controlled(BaseModel):
    """Twilio has taken the order; the call's own record says when it was carried out."""

    call_id: UUID
    accepted: bool = Field(description="false: the call was over already")


_RESPONSES = documented(_EXAMPLE, NotFound, Conflict, Permanent)
_CONTROLS = [Depends(Requires(Scope.CALLS_CONTROL))]


@routes.post("/{call_id}/hang-up", dependencies=_CONTROLS, responses=_RESPONSES)
async def hang_up(call_id: UUID, key: CurrentKey, wiring: Wired) -> Controlled:
    """End a call at once. One that is over already stays over."""
    call = await _call(wiring, call_id)
    log.info("call_hung_up_by_operator", call_sid=call.call_sid, subject_id=str(key.id))
    try:
        await wiring.twilio.hang_up(call.call_sid)
    except CallOver:
        return Controlled(call_id=call_id, accepted=False)
    return Controlled(call_id=call_id, accepted=True)


@routes.post("/{call_id}/put-through", dependencies=_CONTROLS, responses=_RESPONSES)
async def put_through(call_id: UUID, key: CurrentKey, wiring: Wired) -> Controlled:
    """Put a caller through to the agent's transfer number; never to a number that a request names."""
    call = await _call(wiring, call_id)
    if call.is_over:
        raise CallOver("the call is over")
    if call.person is None:
        raise Conflict("the agent of this call has no transfer number")
    log.info("call_put_through_by_operator", call_sid=call.call_sid, subject_id=str(key.id))
    await wiring.twilio.redirect(call.call_sid, wiring.addresses.put_through)
    return Controlled(call_id=call_id, accepted=True)


@dataclass(frozen=True, slots=True)
class _Call:
    call_sid: str
    is_over: bool
    person: str | None


async def _call(wiring: Wired, call_id: UUID) -> _Call:
    """The call as the record has it. Raises NotFound."""
    async with transaction(wiring.sessions) as session:
        record = await CallRecords(session).one(call_id)
        agent = await session.get_one(Agent, record.conversation.agent_id)
        over = CallStatus(record.call.status).is_final
        return _Call(record.call.call_sid, over, agent.transfer_number)
