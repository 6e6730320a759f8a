"""Reads Kayako's answers: the envelope around every resource, and the error an answer stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from shared.clients.kayako_errors import (
    ChangedMeanwhile,
    FieldRefused,
    KayakoUnavailable,
    NoSuchResource,
    NotAllowed,
    RateLimited,
    Refused,
    SessionLost,
    SignInLocked,
    SignInRefused,
)
from shared.errors import CallwrightError, OutcomeUnknown

Row = Mapping[str, Any]
"""One resource, as Kayako writes it: snake_case names, references as {"id": …, "resource_type": …}."""

SESSION_NOT_FOUND = 454
"""Kayako's own status; no HTTP library lists it."""
WAIT_WHEN_NOT_TOLD_S = 60.0
"""Kayako counts its limits per minute."""
SIGN_IN_CODES = {
    "OTP_EXPECTED": "two-factor authentication is on for KAYAKO_EMAIL; use an agent user without it",
    "CREDENTIAL_EXPIRED": "the password of KAYAKO_EMAIL has expired; set a new one",
}


class Unreadable(Exception):
    """The body is no envelope: cut short, an HTML error page, or another shape."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A successful answer."""

    status: int
    data: Any
    """An object for one resource, a list for several, None when the answer carries none."""
    resource: str | None = None
    total_count: int | None = None
    offset: int | None = None
    limit: int | None = None
    next_url: str | None = None
    session_id: str | None = None
    gave_csrf_token: bool = False
    """Whether the answer came with a token against forged requests: every write then needs one."""

    @property
    def row(self) -> Row:
        """The one resource. Raises KayakoUnavailable when the answer holds something else."""
        if not isinstance(self.data, dict):
            raise KayakoUnavailable("Kayako's answer holds no single resource")
        return self.data

    @property
    def created_id(self) -> int:
        """The id of what a create call made. Raises OutcomeUnknown when the answer names none."""
        made = self.data.get("id") if isinstance(self.data, dict) else None
        if not isinstance(made, int):
            raise OutcomeUnknown("Kayako's answer does not name what was created")
        return made

    @property
    def rows(self) -> list[Row]:
        """The resources of a list. Raises KayakoUnavailable when the answer holds something else."""
        if not isinstance(self.data, list) or not all(isinstance(row, dict) for row in self.data):
            raise KayakoUnavailable("Kayako's answer holds no list of resources")
        return self.data


def read_envelope(body: bytes) -> Envelope:
    """The envelope of a success. Raises Unreadable."""
    fields = _object(body)
    return Envelope(
        status=_number(fields, "status") or 200,
        data=fields.get("data"),
        resource=_text(fields, "resource"),
        total_count=_number(fields, "total_count"),
        offset=_number(fields, "offset"),
        limit=_number(fields, "limit"),
        next_url=_text(fields, "next_url"),
        session_id=_text(fields, "session_id"),
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unreadable("the body is no JSON") from error
    if not isinstance(fields, dict):
        raise Unreadable("the body is no JSON object")
    return fields


def _text(fields: Row, name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) else None


def _number(fields: Row, name: str) -> int | None:
    value = fields.get(name)
    return value if isinstance(value, int) else None


@dataclass(frozen=True, slots=True)
class Failure:
    """What an answer with an error status says, without any of its prose: that may repeat what was sent."""

    code: str
    fields: tuple[str, ...]


def read_failure(body: bytes) -> Failure:
    """The first error of a failed answer; an unreadable body has neither code nor fields."""
    try:
        errors = _object(body).get("errors")
    except Unreadable:
        errors = None
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    several = first.get("parameters")
    named = several if isinstance(several, list) else [first.get("parameter")]
    return Failure(_text(first, "code") or "", tuple(name for name in named if isinstance(name, str)))


def error_of(request: str, status: int, failure: Failure, retry_after: str | None, *, writes: bool) -> CallwrightError:
    """The error that an answer with this status stands for.

    `request` is a verb and a resource, such as "POST cases"; never a full address.
    """
    if status == 401 or failure.code in SIGN_IN_CODES:
        wrong = "Kayako refuses KAYAKO_EMAIL and KAYAKO_PASSWORD; set them right and restart"
        return SignInRefused(SIGN_IN_CODES.get(failure.code, wrong))
    if status == 429:
        wait = seconds(retry_after)
        if failure.code == "AUTHENTICATION_LOCKED":
            return SignInLocked("Kayako has locked the sign-in of KAYAKO_EMAIL for a while", wait)
        return RateLimited(f"Kayako's limit for {request} is reached", wait)
    if status == SESSION_NOT_FOUND:
        return SessionLost("Kayako has lost our session")
    if status >= 500:
        kind = OutcomeUnknown if writes else KayakoUnavailable
        return kind(f"Kayako failed at {request} with status {status}")
    return _refusal(request, status, failure)


def _refusal(request: str, status: int, failure: Failure) -> Refused:
    code = failure.code or f"HTTP_{status}"
    named = f" ({', '.join(failure.fields)})" if failure.fields else ""
    if status < 400:
        named = " (it redirects: KAYAKO_URL must be the address that answers itself)"
    kinds = {400: FieldRefused, 422: FieldRefused, 403: NotAllowed, 404: NoSuchResource, 412: ChangedMeanwhile}
    kind = Refused if code == "APP_NOT_FOUND" else kinds.get(status, Refused)
    return kind(f"Kayako refuses {request}: {code}{named}", status, code, failure.fields)


def seconds(retry_after: str | None) -> float:
    """The wait a Retry-After header asks for; a minute when it cannot be read."""
    try:
        return max(0.0, float(retry_after or ""))
    except ValueError:
        return WAIT_WHEN_NOT_TOLD_S
