"""`/twilio/voice/fallback`: whatever failed, the caller hears a sentence."""

from __future__ import annotations

from functools import partial
from urllib.parse import SplitResult, parse_qsl, urlsplit

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.gateway.webhooks.after import GENERATIONS, decide_transfer
from services.gateway.webhooks.next_step import after_failure, after_stream, answer_after_dial, unchanged
from services.gateway.webhooks.signed import Report, TwilioSigned
from services.gateway.webhooks.switchboard import Decision
from services.gateway.webhooks.twiml import Addresses
from services.gateway.webhooks.waiting import after_round
from services.gateway.wiring import Wired
from shared.observability.logs import get_logger

log = get_logger(__name__)

NEVER_CAME = ("11201", "11202", "11203", "11205", "11206")
"""Twilio's codes for requests that no gateway answered, because it was gone for instance: another one can. Of what we
answered badly or too late (11200, 12xxx) the same would come again."""
routes = APIRouter(include_in_schema=False)


@routes.post("/twilio/voice/fallback", dependencies=[Depends(TwilioSigned(is_counted=False))])
async def fallback(report: Report, wiring: Wired) -> Response:
    """Answer what never reached us as if it had; else put the caller through, or promise a call back.

    The row is made when the first webhook never reached us.

    No limit holds here: behind it there is only Twilio's error message, and it is asked once for an answer that failed.
    """
    code = report.fields.get("ErrorCode", "")
    log.error("answer_not_delivered", call_sid=report.call_sid, error_code=code if code.isdecimal() else "")
    lost = urlsplit(report.fields.get("ErrorUrl", ""))
    try:
        if lost.path == urlsplit(wiring.addresses.after_dial).path:
            # ringing again would be a surprise
            return await wiring.switchboard.answer(report, partial(decide_transfer, report=report), answer_after_dial)
        decide = _as_if_it_had_come(lost, wiring.addresses) if code in NEVER_CAME else None
        return await wiring.switchboard.answer(report, decide or after_failure)
    except Exception as error:  # noqa: BLE001
        # The last net under every call: behind it there is only Twilio's error message.
        return wiring.switchboard.apologise(report, error)


def _as_if_it_had_come(lost: SplitResult, addresses: Addresses) -> Decision | None:
    """What the request that nobody took would have decided; None when it is better to give up.

    Each time it leads to another generation of the call's stream or another round of waiting, and both have an end.
    """
    if lost.path == urlsplit(addresses.voice).path:
        return unchanged
    asked = dict(parse_qsl(lost.query))
    if lost.path == urlsplit(addresses.after_stream(1)).path and asked.get("generation") in GENERATIONS:
        return partial(after_stream, ended=int(asked["generation"]))
    if lost.path == urlsplit(addresses.after_round(1)).path and asked.get("over", "").isdecimal():
        return partial(after_round, round_over=int(asked["over"]), key="")
    return None
