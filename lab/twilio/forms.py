"""The fields of Twilio's webhooks."""

from __future__ import annotations

import math
from datetime import datetime
from email.utils import format_datetime

from lab.twilio.records import FINAL, CallRecord, Status

API_VERSION = "2010-04-01"
_PLACES = {
    "Caller": ("SAN FRANCISCO", "CA", "94105", "US"),
    "From": ("SAN FRANCISCO", "CA", "94105", "US"),
    "Called": ("", "CA", "", "US"),
    "To": ("", "CA", "", "US"),
}
"""City, state, zip and country as a look-up gives them; blanks are part of the signature."""
SIP_CODES: dict[Status, str] = {"completed": "200", "busy": "486", "no-answer": "487", "canceled": "487"}


def call_fields(record: CallRecord) -> dict[str, str]:
    """What every webhook about a call carries."""
    fields = {
        "AccountSid": record.account_sid,
        "ApiVersion": API_VERSION,
        "CallSid": record.sid,
        "CallStatus": record.status,
        "Direction": record.direction,
        "From": record.from_number,
        "To": record.to_number,
        "Caller": record.from_number,
        "Called": record.to_number,
    }
    for side, (city, state, area, country) in _PLACES.items():
        number = record.from_number if side in ("Caller", "From") else record.to_number
        known = number.startswith("+1")
        fields |= {
            f"{side}City": city if known else "",
            f"{side}State": state if known else "",
            f"{side}Zip": area if known else "",
            f"{side}Country": country if known else "",
        }
    if record.parent_sid is not None:
        fields["ParentCallSid"] = record.parent_sid
    if record.direction == "inbound" and record.from_number.startswith("+1"):
        fields["StirVerstat"] = "TN-Validation-Passed-A"
    return fields


def status_fields(record: CallRecord, status: Status, sequence: int, now: datetime) -> dict[str, str]:
    """What a status callback adds; `Duration` is in minutes, `CallDuration` in seconds."""
    fields = call_fields(record) | {
        "CallStatus": status,
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(sequence),
        "Timestamp": rfc2822(now),
    }
    if status in FINAL:
        fields["SipResponseCode"] = SIP_CODES.get(status, "404")
    if status == "completed":
        seconds = round(record.duration_s)
        fields |= {"CallDuration": str(seconds), "Duration": str(max(1, math.ceil(seconds / 60)))}
    return fields


def rfc2822(moment: datetime) -> str:
    """The date form of webhooks and of the REST interface."""
    return format_datetime(moment)
