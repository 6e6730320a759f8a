"""The guard of the API: a valid key, and the scope that the route asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute

from services.gateway.auth.key_ring import Key
from services.gateway.wiring import wiring_of
from shared.errors import Forbidden, Unauthenticated
from shared.security.api_keys import Scope
from shared.web.guards import authorise, bearer_token


@dataclass(frozen=True)
class Requires:
    """Lets a request through whose key has the scope and is within its limits; any valid key when no scope is named."""

    scope: Scope | None = None

    @property
    def declares(self) -> str:
        return f"key: {self.scope or 'any'}"

    async def __call__(self, request: Request) -> None:
        # A guarded route asks before it reads the body, the framework once more: one request counts once.
        key: Key = getattr(request.state, "key", None) or await _admitted(request)
        if self.scope is not None and self.scope not in key.scopes:
            raise Forbidden(f"this API key lacks the scope {self.scope}")
        request.state.key = key
        authorise(request, self.declares)


async def _admitted(request: Request) -> Key:
    """The request's key. Raises Unauthenticated, and LimitReached when key or address ask too often."""
    wiring = wiring_of(request)
    try:
        credential = bearer_token(request)
        if not wiring.keys.remembers(credential):
            wiring.api_limits.may_try(request)
        key = await wiring.keys.read(credential)
    except Unauthenticated:
        await wiring.api_limits.failed(request)
        raise
    await wiring.api_limits.used(key.id)
    return key


def _key(request: Request) -> Key:
    found: Key = request.state.key
    return found


CurrentKey = Annotated[Key, Depends(_key)]
"""The key that the guard has accepted; resolved after the guard."""


class GuardedRoute(APIRoute):
    """Asks for the key before it reads the body.

    FastAPI itself would take an upload from a stranger first, or tell a stranger what is wrong with his JSON.
    """

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """FastAPI's handler behind the route's own guard."""
        handle = super().get_route_handler()
        guards = [declared.call for declared in self.dependant.dependencies if isinstance(declared.call, Requires)]

        async def guarded(request: Request) -> Response:
            for guard in guards:
                await guard(request)
            return await handle(request)

        return guarded
