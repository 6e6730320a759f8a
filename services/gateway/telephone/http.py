"""How Twilio's SDK sends its requests: over httpx, with our deadlines.

The SDK's own asynchronous client drops the timeout it was made with, so that a request could wait for ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

import httpx
from twilio.http import AsyncHttpClient
from twilio.http.response import Response

from shared.resilience.breaker import Breaker, BreakerOpen

PROVIDER: Final = "twilio"
CONNECT_S: Final = 3.0
ANSWER_S: Final = 8.0
"""Twilio answers in well under a second; a webhook of ours that waits for it has 15 s in all."""


class NotSent(Exception):
    """The request certainly did not reach Twilio."""


class NoAnswer(Exception):
    """The request may have reached Twilio; nothing that can be trusted came back."""


class HttpForTwilio(AsyncHttpClient):  # type: ignore[misc]
    """Carries the SDK's requests. Close it at the end."""

    def __init__(self, breaker: Breaker) -> None:
        # The SDK's logger is given nothing to log: requests hold telephone numbers.
        super().__init__(logging.getLogger("twilio"), is_async=True)
        self._breaker = breaker
        self._http = httpx.AsyncClient(timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S), trust_env=False)

    async def request(  # type: ignore[no-untyped-def]  # noqa: ANN201
        self,
        method: str,
        uri: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109  (the SDK's signature)
        allow_redirects: bool = False,
    ):
        """One exchange. Raises NotSent and NoAnswer."""
        try:
            self._breaker.enter()
            async with asyncio.timeout(ANSWER_S):
                answered = await self._http.request(
                    method,
                    uri,
                    params={name: value for name, value in (params or {}).items() if value is not None},
                    data=data,
                    headers=headers,
                    auth=auth,
                    follow_redirects=allow_redirects,
                )
        except BreakerOpen as error:
            raise NotSent(error.detail) from error
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            self._breaker.failed(type(error).__name__)
            raise NotSent(type(error).__name__) from error
        except (httpx.HTTPError, TimeoutError) as error:
            self._breaker.failed(type(error).__name__)
            raise NoAnswer(type(error).__name__) from error
        if answered.is_server_error:
            self._breaker.failed(str(answered.status_code))
        else:
            self._breaker.succeeded()
        return Response(answered.status_code, answered.text, answered.headers)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
