"""OpenAI's error bodies with their statuses."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import JsonValue

INVALID = "invalid_request_error"


@dataclass
class Refused(Exception):
    """A request that is answered with an error body."""

    status: int
    message: str
    type: str = INVALID
    param: str | None = None
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, JsonValue]:
        """The body of the answer."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


def no_key() -> Refused:
    """No credential at all."""
    return Refused(
        401,
        "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth.",
    )


def wrong_key(key: str) -> Refused:
    """The credential is not the one we know; only its ends are shown."""
    shown = f"{key[:5]}{'*' * 10}{key[-4:]}" if len(key) > 12 else "*" * len(key)
    return Refused(401, f"Incorrect API key provided: {shown}.", code="invalid_api_key")


def no_such_model(model: str) -> Refused:
    """Unknown, or past its shutdown date."""
    return Refused(404, f"The model `{model}` does not exist or you do not have access to it.", code="model_not_found")


def no_such_address(method: str, path: str) -> Refused:
    """A path that this stand-in does not have."""
    return Refused(404, f"Invalid URL ({method} {path})")


def rate_limited(model: str) -> Refused:
    """Too many requests a minute: waiting helps."""
    return Refused(
        429,
        f"Rate limit reached for {model} in organization org-lab on requests per min (RPM).",
        "requests",
        code="rate_limit_exceeded",
        headers={
            "retry-after": "1",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "1s",
        },
    )


def slow_down() -> Refused:
    """Traffic grew too fast."""
    return Refused(429, "Slow down: your request rate grew too fast.", "requests", code="slow_down")


def out_of_credit() -> Refused:
    """Money is missing: repeating never helps."""
    return Refused(
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
        code="credit_balance_exhausted",
    )


def overloaded() -> Refused:
    """The service has no room."""
    return Refused(503, "The server is currently overloaded.", "server_error")


def server_error() -> Refused:
    """The service failed."""
    return Refused(500, "The server had an error while processing your request", "server_error")


def context_too_long(model: str) -> Refused:
    """More tokens than the model reads."""
    return Refused(
        400,
        f"Your input exceeds the context window of {model}.",
        param="messages",
        code="context_length_exceeded",
    )


def invalid(message: str, param: str | None, code: str | None = None) -> Refused:
    """A request that the model or the endpoint does not take."""
    return Refused(400, message, param=param, code=code)
