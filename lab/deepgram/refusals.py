"""How the vendor says no: a status, an `err_code` and the headers `dg-request-id` and `dg-error`."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

CODES = {
    400: ("Bad Request", "Bad request."),
    401: ("INVALID_AUTH", "Invalid credentials."),
    402: ("ASR_PAYMENT_REQUIRED", "Project does not have enough credits."),
    403: ("INSUFFICIENT_PERMISSIONS", "Project does not have access to the requested model."),
    404: ("NOT_FOUND", "Not found."),
    413: ("PAYLOAD_TOO_LARGE", "The request is too large."),
    415: ("UNSUPPORTED_MEDIA_TYPE", "The media type is not supported."),
    429: ("TOO_MANY_REQUESTS", "Too many requests. Please try again later"),
    503: ("Service Unavailable", "The service is not available."),
}


class Refused(Exception):
    """A request the vendor would not serve."""

    def __init__(self, status: int, message: str = "", code: str = "") -> None:
        default_code, default_message = CODES.get(status, ("Internal Server Error", "Something went wrong."))
        self.status = status
        self.code = code or default_code
        self.message = message or default_message
        super().__init__(self.message)

    def response(self, request_id: str) -> Response:
        """The refusal as the client sees it."""
        body = {"err_code": self.code, "err_msg": self.message, "request_id": request_id}
        headers = {"dg-request-id": request_id, "dg-error": self.message}
        return Response(msgspec.json.encode(body), self.status, headers, media_type="application/json")
