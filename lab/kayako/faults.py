"""The ways in which this stand-in can be made to fail or lie.

`where` is a glob over `METHOD /path`, the path below `/api/v1` without `.json`: `POST /cases`, `GET /cases/*/posts`.
"""

from __future__ import annotations

from enum import StrEnum

from lab.wire.faults import Fault, Faults


class KayakoFault(StrEnum):
    """What happens."""

    ANSWER_LOST = "answer_lost"
    """The work is done and the connection is closed without an answer."""
    ERROR_AFTER_COMMIT = "error_after_commit"
    """The work is done and answered with 500."""
    ERROR_BEFORE_COMMIT = "error_before_commit"
    """Nothing is done and the answer is 500."""
    COMMIT_DELAYED = "commit_delayed"
    """The connection is closed at once; the work is done `seconds` later."""
    LIST_LAG = "list_lag"
    """A case written by this request is missing from lists for `seconds`."""
    SEARCH_LAG = "search_lag"
    """A case written by this request is missing from search for `seconds`."""
    RATE_LIMITED = "rate_limited"
    """429 with `Retry-After: seconds` (59 when 0)."""
    SESSION_LOST = "session_lost"
    """454, and the session is really gone."""
    OFFSET_IGNORED = "offset_ignored"
    """A list begins at its first row whatever `offset` says."""
    TAGS_STRIPPED = "tags_stripped"
    """A trigger of the tenant removes the tags of a new case."""
    TAGS_LOWERED = "tags_lowered"
    """A trigger turns them to lower case."""
    CASE_CLOSED = "case_closed"
    """A trigger closes a new case."""
    SLOW_ANSWER = "slow_answer"
    """The work is done at once; the answer's first byte comes after `seconds`."""
    SLOW_BODY = "slow_body"
    """Status and headers come at once; the body trickles in over `seconds`."""
    TRUNCATED_JSON = "truncated_json"
    """A complete HTTP answer whose JSON stops in the middle."""
    HTML_ERROR = "html_error"
    """502 with a page of a proxy; nothing is done."""
    UNAUTHORISED = "unauthorised"
    """401; nothing is done."""
    FORBIDDEN = "forbidden"
    """403; nothing is done."""
    NOT_FOUND = "not_found"
    """404; nothing is done."""


class KayakoFaultSetting(Fault[KayakoFault]):
    """A fault as `POST /lab/faults` takes it."""


KayakoFaults = Faults[KayakoFault]
