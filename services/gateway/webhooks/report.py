"""What a webhook about a call says, in our words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from services.gateway.webhooks.caller import is_e164
from shared.contracts.calls import CallStatus
from shared.errors import Invalid
from shared.security.xml_text import clean_xml_text

CALL_SID_FORM = r"^CA[0-9a-f]{32}$"
_CALL_SID = re.compile(r"CA[0-9a-f]{32}\Z")
_DIRECTIONS = ("inbound", "outbound-api", "outbound-dial")
_LONGEST_ADDRESS = 254
"""Characters of a number, client name or SIP address that the record keeps."""


@dataclass(frozen=True, slots=True)
class CallReport:
    """What every webhook about a call says, cleaned: Twilio adds fields and values without notice."""

    call_sid: str
    status: CallStatus
    from_number: str
    to_number: str
    direction: str
    fields: Mapping[str, str]
    """Everything, as it was sent."""
    outbound_id: UUID | None = None
    """The order this call was placed for, as the address says that we gave to Twilio with it."""


def read_report(fields: Mapping[str, str], outbound_id: str = "") -> CallReport:
    """The report in these fields. Raises Invalid without a CallSid in Twilio's form, or with an id that is none."""
    call_sid = fields.get("CallSid", "")
    if not _CALL_SID.match(call_sid):
        raise Invalid("CallSid must be CA and 32 hexadecimal digits")
    direction = fields.get("Direction", "")
    return CallReport(
        call_sid=call_sid,
        status=read_status(fields.get("CallStatus", "")) or CallStatus.QUEUED,
        from_number=_address(fields.get("From", "")),
        to_number=_address(fields.get("To", "")),
        direction=direction if direction in _DIRECTIONS else "inbound",
        fields=fields,
        outbound_id=_uuid(outbound_id),
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise Invalid("no such order") from error


def read_status(reported: str) -> CallStatus | None:
    """The status, or None for a word that we do not know."""
    try:
        return CallStatus(reported)
    except ValueError:
        return None


def _address(reported: str) -> str:
    return reported if is_e164(reported) else clean_xml_text(reported, _LONGEST_ADDRESS).strip()
