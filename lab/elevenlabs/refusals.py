"""How the vendor says no: over HTTP a status with `detail`, on a socket a message and a close with its code."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from lab.elevenlabs.faults import Faults
from lab.wire.sockets import Closed, Outgoing, until_left

MESSAGES = {
    "invalid_api_key": (401, "Invalid API key"),
    "quota_exceeded": (401, "This request exceeds your quota."),
    "voice_not_found": (400, "A voice with that id was not found."),
    "invalid_model": (400, "This model cannot be used on this endpoint."),
    "invalid_output_format": (400, "This output format is not known, or the lab's stand-in does not speak it."),
    "only_for_creator+": (403, "This feature is not available on your plan."),
    "too_many_concurrent_requests": (429, "Too many concurrent requests."),
    "system_busy": (429, "The system is experiencing heavy traffic."),
    "server_error": (500, "Something went wrong."),
}


class Refused(Exception):
    """A request the vendor would not serve."""

    def __init__(self, status: str, message: str = "") -> None:
        self.code, default = MESSAGES[status]
        self.status = status
        self.message = message or default
        super().__init__(self.message)

    def response(self) -> Response:
        """The refusal as the client sees it."""
        return JSONResponse({"detail": {"status": self.status, "message": self.message}}, self.code)


class Unprocessable(Exception):
    """A body of the wrong shape."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message

    def response(self) -> Response:
        """The list form of `detail`."""
        detail: dict[str, Any] = {"loc": ["body", self.field], "msg": self.message, "type": "value_error"}
        return JSONResponse({"detail": [detail]}, 422)


async def obstruct(faults: Faults, connection: WebSocket | Request) -> None:
    """Refuse or hang before the answer, when the faults say so. Raises Refused, or Left when the client gave up."""
    if faults.hangs_before_answer:
        await until_left(connection)
    if faults.refuse is not None:
        raise Refused(faults.refuse)


async def close_with_error(outgoing: Outgoing, error: str, message: str) -> Closed:
    """Send the error; what to raise then."""
    outgoing.put({"message": message, "error": error, "code": 1008})
    await outgoing.sent()
    return Closed(1008, message[:120])
