"""Calls as Twilio's REST interface shows, filters and accepts them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from lab.twilio import forms
from lab.twilio.call import LONGEST_CALL_S, Detection, Plan
from lab.twilio.interpreter import Fetch, Given
from lab.twilio.records import CallRecord, RecordingRecord
from lab.twilio.settings import PhoneSettings
from lab.twilio.statuses import wanted

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
TWIML_LIMIT = 4000


class RestRefused(Exception):
    """A request Twilio would not carry out: HTTP status, error code, message."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    def body(self) -> dict[str, Any]:
        """The shape of every answer that is no success."""
        return {
            "code": self.code,
            "message": str(self),
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


def as_json(record: CallRecord) -> dict[str, Any]:
    """The resource."""
    uri = f"/{forms.API_VERSION}/Accounts/{record.account_sid}/Calls/{record.sid}.json"
    return {
        "sid": record.sid,
        "account_sid": record.account_sid,
        "parent_call_sid": record.parent_sid,
        "from": record.from_number,
        "from_formatted": record.from_number,
        "to": record.to_number,
        "to_formatted": record.to_number,
        "direction": record.direction,
        "status": "queued" if record.status == "initiated" else record.status,
        "answered_by": record.answered_by,
        "start_time": _moment(record, record.answered_at),
        "end_time": _moment(record, record.ended_at),
        "date_created": forms.rfc2822(record.placed_at),
        "date_updated": _moment(record, record.ended_at) or forms.rfc2822(record.placed_at),
        "duration": None if record.ended_at is None else str(round(record.duration_s)),
        "price": None,
        "price_unit": "USD",
        "queue_time": "0",
        "caller_name": None,
        "forwarded_from": None,
        "group_sid": None,
        "phone_number_sid": None,
        "trunk_sid": None,
        "annotation": None,
        "api_version": forms.API_VERSION,
        "uri": uri,
        "subresource_uris": {"recordings": uri.replace(".json", "/Recordings.json")},
    }


def _moment(record: CallRecord, at: float | None) -> str | None:
    return None if at is None else forms.rfc2822(record.placed_at + timedelta(seconds=at))


def matching(records: Sequence[CallRecord], query: Mapping[str, str]) -> list[CallRecord]:
    """The records a list asks for. Raises RestRefused for a time that is none."""
    exact = {"to_number": "To", "from_number": "From", "status": "Status", "parent_sid": "ParentCallSid"}
    asked = {field: query[name] for field, name in exact.items() if name in query}
    since, until = _time(query.get("StartTime>")), _time(query.get("StartTime<"))
    return [
        record
        for record in records
        if all(getattr(record, field) == value for field, value in asked.items())
        and (since is None or record.placed_at >= since)
        and (until is None or record.placed_at <= until)
    ]


def _time(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise RestRefused(400, 20001, f"Invalid time: {value}") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def following(fields: Mapping[str, str]) -> Fetch | Given | None:
    """What the call is to do, from `Twiml` or `Url`. Raises RestRefused."""
    twiml, url = fields.get("Twiml"), fields.get("Url")
    if url is not None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise RestRefused(400, 21205, f"Url is not a valid URL: {url}")
        return Fetch(url, fields.get("Method", "POST"), purpose="voice")
    if twiml is None:
        return None
    if len(twiml) > TWIML_LIMIT:
        raise RestRefused(400, 21626, f"Twiml parameter is longer than {TWIML_LIMIT} characters")
    return Given(twiml)


def ordered(fields: Mapping[str, str], events: Sequence[str], settings: PhoneSettings) -> tuple[str, str, Plan]:
    """Who calls whom with what plan. Raises RestRefused."""
    to_number, from_number = fields.get("To", ""), fields.get("From", "")
    if not to_number:
        raise RestRefused(400, 21201, "No 'To' number is specified")
    if not _NUMBER.fullmatch(to_number):
        raise RestRefused(400, 21211, f"The phone number you are attempting to call, {to_number}, is not valid.")
    if from_number not in settings.numbers:
        raise RestRefused(400, 21210, f"The source phone number provided, {from_number}, is not yours or not verified.")
    first = following(fields)
    if first is None:
        raise RestRefused(400, 21205, "Url parameter is required.")
    if fields.get("FallbackUrl") and not fields.get("Url"):
        raise RestRefused(400, 21405, "A fallback URL needs a primary URL")
    callback = fields.get("StatusCallback")
    if callback is not None and "_" in (urlsplit(callback).hostname or "_"):
        raise RestRefused(400, 21609, "StatusCallback is not a valid URL")
    plan = Plan(
        first=first,
        fallback=(fields["FallbackUrl"], fields.get("FallbackMethod", "POST")) if fields.get("FallbackUrl") else None,
        status_callback=callback,
        status_method=fields.get("StatusCallbackMethod", "POST"),
        status_states=wanted(events),
        detection=_detection(fields),
        ring_s=_seconds(fields, "Timeout", 60.0),
        limit_s=_seconds(fields, "TimeLimit", LONGEST_CALL_S),
    )
    return from_number, to_number, plan


def _detection(fields: Mapping[str, str]) -> Detection | None:
    kind = fields.get("MachineDetection")
    if kind is None or "SendDigits" in fields:
        return None
    if kind not in ("Enable", "DetectMessageEnd"):
        raise RestRefused(400, 20001, "MachineDetection must be Enable or DetectMessageEnd")
    runs_beside = fields.get("AsyncAmd") == "true"
    return Detection(
        message_end=kind == "DetectMessageEnd",
        callback=fields.get("AsyncAmdStatusCallback") if runs_beside else None,
        method=fields.get("AsyncAmdStatusCallbackMethod", "POST"),
    )


def recording_json(recording: RecordingRecord, account_sid: str) -> dict[str, Any]:
    """A recording's resource."""
    uri = f"/{forms.API_VERSION}/Accounts/{account_sid}/Recordings/{recording.sid}.json"
    made = forms.rfc2822(recording.made_at)
    return {
        "sid": recording.sid,
        "account_sid": account_sid,
        "call_sid": recording.call_sid,
        "conference_sid": None,
        "status": recording.status,
        "channels": recording.channels,
        "source": recording.source,
        "track": recording.track,
        "duration": str(recording.seconds),
        "date_created": made,
        "date_updated": made,
        "start_time": made,
        "price": None,
        "price_unit": "USD",
        "error_code": None,
        "encryption_details": None,
        "api_version": forms.API_VERSION,
        "uri": uri,
        "media_url": uri.removesuffix(".json"),
        "subresource_uris": {},
    }


def _seconds(fields: Mapping[str, str], name: str, default: float) -> float:
    value = fields.get(name)
    if value is None:
        return default
    if not value.isdigit():
        raise RestRefused(400, 20001, f"{name} must be an integer")
    return float(value)
