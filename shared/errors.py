"""The error family: what went wrong, whether trying again can help, and what an API client is told."""

from __future__ import annotations

import errno


class CallwrightError(Exception):
    """Base of every error the platform raises on purpose.

    `status` and `title` are what an HTTP client sees; the message is the `detail` of the problem document and must
    therefore never contain a secret or a caller's words.
    """

    status = 500
    title = "Internal error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title


class Invalid(CallwrightError):
    """What was sent cannot be accepted; the detail says what to change."""

    status = 422
    title = "Not acceptable as sent"


class TooLarge(CallwrightError):
    """What was sent is over a limit; the detail names the limit."""

    status = 413
    title = "Too large"


class Unauthenticated(CallwrightError):
    """No valid credential came with the request."""

    status = 401
    title = "Not signed in"


class Forbidden(CallwrightError):
    """The credential is valid but does not allow this."""

    status = 403
    title = "Not allowed"


class NotFound(CallwrightError):
    """There is no such thing, or it is not visible to this client."""

    status = 404
    title = "Not found"


class Conflict(CallwrightError):
    """The request contradicts what is already there."""

    status = 409
    title = "Conflict"


class Transient(CallwrightError):
    """An outage that may pass: trying again later is right.

    `retry_after` is the number of seconds the other side asked us to wait, when it did.
    """

    status = 503
    title = "Temporarily unavailable"

    def __init__(self, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class NoRoom(Transient):
    """The disk is full, or its owner's share of it."""


def is_full(error: BaseException | None) -> bool:
    """Whether a file could not be written because there is no room for it."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class LimitReached(Transient):
    """More than is allowed within a time; `retry_after` says when the next one is."""

    status = 429
    title = "Too many requests"


class Away(Transient):
    """The other side answers nobody of us at the moment, or has had enough of us all."""


class Busy(Transient):
    """Somebody else is at it: waiting for one's turn is no failure, however often."""


class OutcomeUnknown(Transient):
    """A write was sent and no answer that can be trusted came back: look before any second try."""


class Permanent(CallwrightError):
    """A refusal that repeating will not change: park it for a person."""

    status = 502
    title = "Refused by another system"
