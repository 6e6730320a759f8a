"""Who may use a route. Every route declares exactly one guard; a backstop refuses to answer when none was passed."""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from typing import Protocol

from fastapi import Request
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import Forbidden, Unauthenticated
from shared.observability.logs import get_logger
from shared.security.purpose_tokens import Purpose, TokenSigner

log = get_logger(__name__)
MARK = "authorised_by"


def authorise(connection: HTTPConnection, guard: str) -> None:
    """Leave the mark the backstop looks for."""
    setattr(connection.state, MARK, guard)


def bearer_token(connection: HTTPConnection) -> str:
    """The credential of an `Authorization: Bearer` header. Raises Unauthenticated when there is none."""
    scheme, _, credential = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credential.strip():
        raise Unauthenticated("send the header Authorization: Bearer <credential>")
    return credential.strip()


class Guard(Protocol):
    """A route dependency that lets a request through by marking it, or raises."""

    @property
    def declares(self) -> str:
        """What the route walk sees, such as `public: liveness probe`."""
        ...


@dataclass(frozen=True)
class Public:
    """Anyone may use the route; the reason is part of the declaration."""

    reason: str

    @property
    def declares(self) -> str:
        return f"public: {self.reason}"

    async def __call__(self, request: Request) -> None:
        authorise(request, self.declares)


@dataclass(frozen=True)
class Operator:
    """Probes and scrapers: the metrics token, or this very machine when no token is set."""

    token: str | None

    @property
    def declares(self) -> str:
        return "operator"

    async def __call__(self, request: Request) -> None:
        if self.token is not None:
            if not hmac.compare_digest(bearer_token(request).encode(), self.token.encode()):
                raise Forbidden("not the metrics token")
        elif not _is_local(request):
            raise Forbidden("set METRICS_TOKEN to read this from another machine")
        authorise(request, self.declares)


def _is_local(request: Request) -> bool:
    """Whether the peer is this machine and no proxy stands between: a proxy's own address would be local too."""
    if request.client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Service:
    """Another room of this deployment, by a purpose token whose audience is this room."""

    room: str
    signer: TokenSigner

    @property
    def declares(self) -> str:
        return f"service: {self.room}"

    async def __call__(self, request: Request) -> None:
        self.signer.read(Purpose.SERVICE, bearer_token(request), room=self.room)
        authorise(request, self.declares)


class Backstop:
    """Refuses to send a success from a route that no guard has marked.

    A forgotten declaration then fails closed, and loudly, whatever mounted the route.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        refused = False

        async def checked(message: Message) -> None:
            nonlocal refused
            begins = message["type"] == "websocket.accept" or (
                message["type"] == "http.response.start" and message["status"] < 400
            )
            if begins and MARK not in scope["state"]:
                refused = True
                log.error("route_without_guard", route=scope["path"])
                await _refuse(scope, send)
            elif not refused:
                await send(message)

        await self._app(scope, receive, checked)


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "http.response.start", "status": 500, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


__all__ = ["Backstop", "Guard", "Operator", "Public", "Service", "authorise", "bearer_token"]
