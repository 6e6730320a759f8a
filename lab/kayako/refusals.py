"""Kayako's error codes with their statuses and messages."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import JsonValue

DOCUMENTATION = "https://developer.kayako.com/api/v1/reference/errors/"


@dataclass
class Refused(Exception):
    """A request that Kayako answers with an error envelope."""

    status: int
    code: str
    message: str
    parameters: tuple[str, ...] = ()
    """The fields concerned: one is shown as `parameter`, several as `parameters`."""
    headers: dict[str, str] = field(default_factory=dict)
    extra: dict[str, JsonValue] = field(default_factory=dict)
    """Further members of the envelope, such as `auth_token`."""

    def envelope(self) -> dict[str, JsonValue]:
        """The body of the answer."""
        error: dict[str, JsonValue] = {"code": self.code}
        if len(self.parameters) == 1:
            error["parameter"] = self.parameters[0]
        elif self.parameters:
            error["parameters"] = list(self.parameters)
        error |= {"message": self.message, "more_info": DOCUMENTATION + self.code}
        return {"status": self.status, "errors": [error], **self.extra}


def authentication_failed() -> Refused:
    """No credentials, or wrong ones."""
    return Refused(
        401, "AUTHENTICATION_FAILED", "Used authentication credentials are invalid or signature verification failed"
    )


def authentication_locked(seconds: int) -> Refused:
    """Too many wrong ones: the same status as a rate limit, and repeating prolongs it."""
    return Refused(
        429,
        "AUTHENTICATION_LOCKED",
        "The maximum number of authentication retries was reached",
        headers={"Retry-After": str(seconds)},
    )


def otp_expected(token: str) -> Refused:
    """The second factor is on; `token` belongs to the next step."""
    notice: JsonValue = {"type": "INFO", "message": "Two-factor authentication is enabled for your account"}
    return Refused(
        403,
        "OTP_EXPECTED",
        "To complete authentication you need to provide the one-time password",
        extra={"notifications": [notice], "auth_token": token},
    )


def credential_expired(token: str) -> Refused:
    """The password must be changed; the status is inferred."""
    return Refused(403, "CREDENTIAL_EXPIRED", "The password has expired", extra={"auth_token": token})


def csrf_failed() -> Refused:
    """An unsafe verb without the token of its session; the status is inferred."""
    return Refused(403, "CSRF_FAILED", "CSRF token is missing or wrong")


def session_lost() -> Refused:
    """The session is unknown or too old."""
    return Refused(454, "SESSION_LOADING_FAILED", "The server failed to load the session")


def forbidden() -> Refused:
    """The code of a permission failure is not in the stored pages; clients must go by the status."""
    return Refused(403, "PERMISSIONS_DENIED", "The action is not permitted")


def not_found() -> Refused:
    """The resource is gone, or not visible to this user; the code is inferred."""
    return Refused(404, "RESOURCE_NOT_FOUND", "The resource does not exist or has been removed")


def no_such_app() -> Refused:
    """The first part of the path is unknown: 400, not 404."""
    return Refused(400, "APP_NOT_FOUND", "Invalid app component in URL or app is not installed")


def method_not_supported() -> Refused:
    """The path exists, not with this verb."""
    return Refused(405, "METHOD_NOT_SUPPORTED", "The method is not supported by this resource")


def not_acceptable() -> Refused:
    """Only the status is documented."""
    return Refused(406, "NOT_ACCEPTABLE", "The Accept header must admit application/json")


def inconsistent(*parameters: str) -> Refused:
    """The same value twice with different content, or an id twice in a list."""
    return Refused(400, "PARAMETERS_INCONSISTENT", "The request carries contradicting values", parameters)


def malformed() -> Refused:
    """Only the status is documented."""
    return Refused(400, "REQUEST_MALFORMED", "The body cannot be read as what its Content-Type says")


def field_required(parameter: str) -> Refused:
    """A field is missing."""
    return Refused(400, "FIELD_REQUIRED", "This action requires the field to be specified", (parameter,))


def any_field_required(*parameters: str) -> Refused:
    """One of several fields is missing."""
    return Refused(
        400, "ANY_FIELD_REQUIRED", "This action requires any of the related fields to be specified", parameters
    )


def field_empty(parameter: str) -> Refused:
    """A field is there and empty; the status is inferred."""
    return Refused(400, "FIELD_EMPTY", "The value of the field must not be empty", (parameter,))


def field_invalid(parameter: str) -> Refused:
    """A value of the wrong form, or an id that does not exist."""
    return Refused(400, "FIELD_INVALID", "The value of the field is invalid", (parameter,))


def field_duplicate(parameter: str) -> Refused:
    """Somebody has this value already; the status is inferred."""
    return Refused(400, "FIELD_DUPLICATE", "The value of the field must be unique", (parameter,))


def modified() -> Refused:
    """`If-Match` names another state of the resource."""
    return Refused(412, "RESOURCE_MODIFIED", "The resource was modified")


def rate_limited(seconds: int) -> Refused:
    """Over the limit of this minute."""
    return Refused(
        429,
        "RATE_LIMIT_REACHED",
        "The rate limit for this action was reached",
        headers={"Retry-After": str(seconds)},
    )


def server_error() -> Refused:
    """Only the status is documented."""
    return Refused(500, "INTERNAL_ERROR", "The server failed to process the request")
