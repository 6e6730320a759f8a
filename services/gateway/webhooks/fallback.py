"""`/twilio/voice/fallback`: whatever failed, the caller hears a sentence."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.gateway.webhooks.after import decide_transfer
from services.gateway.webhooks.next_step import after_failure, answer_after_dial
from services.gateway.webhooks.report import CallReport
from services.gateway.webhooks.signed import Report, TwilioSigned
from services.gateway.wiring import Wired
from shared.observability.logs import get_logger

log = get_logger(__name__)
routes = APIRouter(include_in_schema=False)


@routes.post("/twilio/voice/fallback", dependencies=[Depends(TwilioSigned(is_counted=False))])
async def fallback(report: Report, wiring: Wired) -> Response:
    """Put the caller through, or promise a call back; the row is made when the first webhook never reached us.

    No limit holds here: behind it there is only Twilio's error message, and it is asked once for an answer that failed.
    """
    code = report.fields.get("ErrorCode", "")
    log.error("answer_not_delivered", call_sid=report.call_sid, error_code=code if code.isdecimal() else "")
    try:
        if _failed_after_dial(report, wiring.addresses.after_dial):
            return await wiring.switchboard.answer(report, partial(decide_transfer, report=report), answer_after_dial)
        return await wiring.switchboard.answer(report, after_failure)
    except Exception as error:  # noqa: BLE001
        # The last net under every call: behind it there is only Twilio's error message.
        return wiring.switchboard.apologise(report, error)


def _failed_after_dial(report: CallReport, address: str) -> bool:
    """Whether the answer that was lost is the one after ringing a person: ringing again would be a surprise."""
    failed = urlsplit(report.fields.get("ErrorUrl", ""))
    return failed.path == urlsplit(address).path
