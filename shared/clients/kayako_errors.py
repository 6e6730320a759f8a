"""What can go wrong with the help desk, by what is known about the request afterwards.

The question after a failed write is never "what status was it" but "may it have been carried out": only
`shared.errors.OutcomeUnknown` says yes. Everything here certainly left the help desk as it was.
"""

from __future__ import annotations

from shared.errors import Away, Permanent, Transient


class KayakoUnavailable(Away):
    """Kayako could not be asked, or failed at a read: nothing was changed."""


class RateLimited(Away):
    """Too many requests of this kind in this minute; `retry_after` is what Kayako asks for."""


class SessionLost(Transient):
    """Our session is gone; the request was not carried out and the next one signs in again."""


class SignInLocked(Away):
    """Kayako has locked the sign-in after too many bad tries; every further one prolongs it."""


class SignInRefused(Permanent):
    """Kayako does not accept KAYAKO_EMAIL and KAYAKO_PASSWORD as they are set."""


class Refused(Permanent):
    """Kayako understood the request and says no.

    `code` is Kayako's word for it, such as FIELD_INVALID; `fields` are the parameters it complains about.
    """

    def __init__(self, detail: str, status_code: int, code: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.status_code = status_code
        self.code = code
        self.fields = fields


class FieldRefused(Refused):
    """A parameter is missing, wrong or taken: the same request will never pass."""


class NotAllowed(Refused):
    """The agent user may not do this."""


class NoSuchResource(Refused):
    """There is no such thing, or this agent user may not see it."""


class ChangedMeanwhile(Refused):
    """`If-Match` did not fit: read again, apply again."""
