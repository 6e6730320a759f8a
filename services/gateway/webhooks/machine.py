"""`/twilio/voice/machine`: who picked up a call of ours; `/twilio/voice/machine/message`: what a machine is told."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.gateway.telephone.twilio_calls import CallOver
from services.gateway.webhooks.call_book import CallBook
from services.gateway.webhooks.next_step import answer_machine, machine_answered
from services.gateway.webhooks.report import CallReport
from services.gateway.webhooks.signed import Report, TwilioSigned
from services.gateway.wiring import Wired, Wiring
from shared.contracts.calls import MACHINES, OnMachine
from shared.database.transactions import transaction
from shared.errors import CallwrightError
from shared.observability.logs import get_logger
from shared.security.xml_text import clean_xml_text

log = get_logger(__name__)
routes = APIRouter(include_in_schema=False)
LONGEST_WORD = 30


@routes.post("/twilio/voice/machine", status_code=204, dependencies=[Depends(TwilioSigned())])
async def picked_up(report: Report, wiring: Wired) -> Response:
    """Note who picked up, and deal with a machine as the agent's profile says."""
    answered_by = clean_xml_text(report.fields.get("AnsweredBy", ""), LONGEST_WORD)
    async with transaction(wiring.sessions) as session:
        rows = await CallBook(session).find_known(report, wiring.clock.now())
        if rows is None:
            log.warning("status_of_unknown_call", call_sid=report.call_sid)
            return Response(status_code=204)
        rows.call.answered_by = answered_by or None
        policy = OnMachine(rows.agent.on_machine)
    if answered_by in MACHINES:
        await _deal_with_machine(report, wiring, policy, is_fax=answered_by == "fax")
    return Response(status_code=204)


async def _deal_with_machine(report: CallReport, wiring: Wiring, policy: OnMachine, *, is_fax: bool) -> None:
    """Ask Twilio to end or redirect the call. When that fails the assistant talks on, and silence ends the call."""
    log.info("machine_answered", call_sid=report.call_sid, kind=policy.value)
    try:
        if policy is OnMachine.LEAVE_MESSAGE and not is_fax and report.outbound_id is not None:
            await wiring.twilio.redirect(report.call_sid, wiring.addresses.machine_message(report.outbound_id))
        elif policy is not OnMachine.TALK:
            await wiring.twilio.hang_up(report.call_sid)
    except CallOver:
        return
    except CallwrightError as error:
        log.warning("call_not_changed", call_sid=report.call_sid, error=type(error).__name__)


@routes.post("/twilio/voice/machine/message", dependencies=[Depends(TwilioSigned())])
async def message(report: Report, wiring: Wired) -> Response:
    """Say who called and why, then hang up."""
    return await wiring.switchboard.answer(report, machine_answered, answer_machine)
