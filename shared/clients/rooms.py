"""HTTP between rooms: a service token on each request, deadlines, and the other side's problem as our error."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any, Self

import httpx

from shared.clock import Clock
from shared.errors import CallwrightError, Conflict, Invalid, NotFound, TooLarge, Transient
from shared.observability.context import traceparent
from shared.resilience.breaker import Breaker
from shared.security.purpose_tokens import Purpose, TokenSigner

CONNECT_S = 1.0
BY_STATUS: dict[int, type[CallwrightError]] = {404: NotFound, 409: Conflict, 413: TooLarge, 422: Invalid}


class RoomClient:
    """Calls one room as another. Keep one per process and close it."""

    def __init__(
        self,
        base: str,
        room: str,
        caller: str,
        signer: TokenSigner,
        clock: Clock,
        deadline_s: float,
        breaker: Breaker | None = None,
    ) -> None:
        """`deadline_s` is for the whole answer, however it trickles in."""
        self._room = room
        self._caller = caller
        self._signer = signer
        self._clock = clock
        self._deadline_s = deadline_s
        self._breaker = breaker or Breaker(room, clock)
        timeout = httpx.Timeout(deadline_s, connect=min(CONNECT_S, deadline_s))
        self._http = httpx.AsyncClient(base_url=base, timeout=timeout, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The room's answer.

        Raises NotFound, Conflict, TooLarge or Invalid with the room's own explanation when it refuses, and Transient
        when it cannot be reached in time or fails.
        """
        self._breaker.enter()
        token = self._signer.issue(
            Purpose.SERVICE, self._caller, secrets.token_hex(8), self._clock.now(), room=self._room
        )
        headers = {"authorization": f"Bearer {token}", "traceparent": traceparent()}
        try:
            async with asyncio.timeout(self._deadline_s):
                response = await self._http.request(method, path, headers=headers, **request)
        except (httpx.HTTPError, TimeoutError) as error:
            self._breaker.failed(type(error).__name__)
            raise Transient(f"{self._room} does not answer ({type(error).__name__})") from error
        if response.is_server_error:
            self._breaker.failed(str(response.status_code))
        else:
            self._breaker.succeeded()
        if response.is_success:
            return response
        if (known := BY_STATUS.get(response.status_code)) is not None:
            raise known(_detail(response))
        raise Transient(f"{self._room} answered {response.status_code}")


def _detail(response: httpx.Response) -> str:
    try:
        return str(response.json().get("detail", ""))
    except ValueError:
        return ""
