"""`/twilio/voice/transfer`: a person was rung for a caller, hears what it is about, and decides by a key.

These requests are about the person's leg of the call. The address, which we gave out, names the caller's.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from services.gateway.webhooks import twiml
from services.gateway.webhooks.briefing import briefing
from services.gateway.webhooks.call_book import CallBook, CallRows
from services.gateway.webhooks.phrases import phrases_for
from services.gateway.webhooks.report import CALL_SID_FORM
from services.gateway.webhooks.signed import Report, TwilioSigned
from services.gateway.webhooks.switchboard import NO_AGENTS_LANGUAGE, RECORD_WITHIN_S, twiml_response
from services.gateway.wiring import Wired, Wiring
from shared.contracts.calls import TransferOutcome
from shared.conversation.state import ConversationState
from shared.database.transactions import transaction
from shared.errors import Transient
from shared.observability.logs import get_logger

log = get_logger(__name__)
routes = APIRouter(include_in_schema=False)

CallersCall = Annotated[str, Query(alias="call", pattern=CALL_SID_FORM)]
TAKE = "1"


@routes.post("/twilio/voice/transfer", dependencies=[Depends(TwilioSigned())])
async def brief(wiring: Wired, call_sid: CallersCall) -> Response:
    """Say what it is about and ask; nothing is stored."""

    async def told() -> Response:
        async with transaction(wiring.sessions) as session:
            rows = await CallBook(session).find(call_sid)
            if rows is None or not _waits(rows):
                return _not_any_more()
            phrases = phrases_for(rows.agent.language)
            state = ConversationState.from_json(rows.conversation.checkpoint)
            about = briefing(phrases, rows.agent.company, state)
            if rows.agent.records_calls:
                about = f"{phrases.recorded} {about}"
        return twiml_response(twiml.brief(wiring.addresses, phrases, about, call_sid))

    return await _or_put_through(wiring, call_sid, told())


@routes.post("/twilio/voice/transfer/notice", dependencies=[Depends(TwilioSigned())])
async def notify(wiring: Wired, call_sid: CallersCall) -> Response:
    """Say that the call is recorded to somebody who is put through without a briefing."""

    async def told() -> Response:
        async with transaction(wiring.sessions) as session:
            rows = await CallBook(session).find(call_sid)
            if rows is None or not _waits(rows):
                return _not_any_more()
            return twiml_response(twiml.notice(phrases_for(rows.agent.language)))

    return await _or_put_through(wiring, call_sid, told())


@routes.post("/twilio/voice/transfer/answer", dependencies=[Depends(TwilioSigned())])
async def answered(report: Report, wiring: Wired, call_sid: CallersCall) -> Response:
    """Put the two through, or note that the person did not want the call."""
    takes = report.fields.get("Digits") == TAKE

    async def noted() -> Response:
        async with transaction(wiring.sessions) as session:
            rows = await CallBook(session).find(call_sid)
            if rows is None or not _waits(rows):
                return _not_any_more()
            if takes:
                return twiml_response(twiml.bridge())
            if rows.transfer is not None and rows.transfer.outcome is None:
                rows.transfer.outcome = TransferOutcome.DECLINED
                log.info("transfer_declined", call_sid=call_sid)
        return _not_any_more()

    try:
        return await wiring.outages.ask(RECORD_WITHIN_S, noted())
    except Transient as error:
        log.warning("transfer_without_record", call_sid=call_sid, error=type(error).__name__)
        return twiml_response(twiml.bridge()) if takes else _not_any_more()


async def _or_put_through(wiring: Wiring, call_sid: str, told: Coroutine[Any, Any, Response]) -> Response:
    """What the person hears; without the record, that the call may be recorded, and then the caller.

    Nobody knows at that moment whether it is: better told once too often than recorded unawares.
    """
    try:
        return await wiring.outages.ask(RECORD_WITHIN_S, told)
    except Transient as error:
        log.warning("transfer_without_record", call_sid=call_sid, error=type(error).__name__)
        return twiml_response(twiml.notice(phrases_for(NO_AGENTS_LANGUAGE)))


def _waits(rows: CallRows) -> bool:
    """Whether the caller is still there to be put through."""
    ringing = rows.transfer is not None and rows.transfer.ended_at is None
    return ringing and rows.conversation.closed_at is None


def _not_any_more() -> Response:
    """The person's leg ends; the caller's goes on with what follows a dial."""
    return twiml_response(twiml.hang_up(phrases_for(""), []))
