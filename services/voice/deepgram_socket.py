"""Opens live sockets to Deepgram, and says plainly why one was refused.

Our own client: the SDK's sockets are deprecated, cost five times the CPU for each message, and hide the reason of a
refused upgrade.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode

from picows import WSError, WSInvalidStatusError, WSUpgradeResponse, ws_connect

from services.voice.frame_socket import FrameSocket
from shared.errors import Permanent, Transient
from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.settings import socket_address

log = get_logger(__name__)

PROVIDER: Final = "deepgram"
OPEN_WITHIN_S: Final = 3.0
CLOSE_WITHIN_S: Final = 1.0
LARGEST_MESSAGE: Final = 1024 * 1024
READ_BUFFER: Final = 4096
"""Bytes; grows for a larger message."""
RETRYABLE: Final = frozenset({408, 425, 429})
"""Refusals below 500 that may pass; every other one is about our key, our plan or our parameters."""


class Capability(StrEnum):
    """What a provider does for us; a label of `callwright_provider_results_total`."""

    HEARING = "hearing"
    SPEECH = "speech"


class Result(StrEnum):
    """How it went; the other label."""

    OK = "ok"
    TIMEOUT = "timeout"
    ERROR = "error"
    REFUSED = "refused"
    GARBAGE = "garbage"
    EMPTY = "empty"


def count(capability: Capability, result: Result) -> None:
    """Count one result of the provider."""
    metrics.provider_results_total.labels(provider=PROVIDER, capability=capability.value, result=result.value).inc()


class SocketRefused(Permanent):
    """Deepgram will refuse this again: a wrong key, no credit, a bad parameter."""


class SocketUnavailable(Transient):
    """Deepgram cannot be reached, or is busy, at the moment."""


class DeepgramSockets:
    """Opens sockets under one base address with one key."""

    def __init__(self, base: str, key: str) -> None:
        """`base` is the http or https address; sockets use the same host and port."""
        self._base = socket_address(base)
        self._headers = {"Authorization": f"Token {key}", "User-Agent": "callwright"}
        self._tls = ssl.create_default_context() if self._base.startswith("wss") else None

    async def open(self, path: str, query: Sequence[tuple[str, str]], capability: Capability) -> FrameSocket:
        """An open socket. Raises SocketRefused or SocketUnavailable, within OPEN_WITHIN_S."""
        try:
            async with asyncio.timeout(OPEN_WITHIN_S):
                _, socket = await ws_connect(
                    lambda: FrameSocket(LARGEST_MESSAGE),
                    f"{self._base}{path}?{urlencode(query)}",
                    ssl_context=self._tls,
                    extra_headers=self._headers,
                    websocket_handshake_timeout=None,
                    max_frame_size=LARGEST_MESSAGE,
                    max_redirects=0,
                    read_buffer_init_size=READ_BUFFER,
                )
        except WSInvalidStatusError as error:
            raise _refusal(error.response, capability) from None
        except (WSError, OSError, TimeoutError) as error:
            count(capability, Result.TIMEOUT if isinstance(error, TimeoutError) else Result.ERROR)
            log.warning("socket_unavailable", provider=PROVIDER, stage=capability.value, error=type(error).__name__)
            raise SocketUnavailable(f"Deepgram cannot be reached ({type(error).__name__})") from None
        assert isinstance(socket, FrameSocket)  # noqa: S101  (what the lambda above made)
        return socket


def _refusal(response: WSUpgradeResponse | None, capability: Capability) -> SocketRefused | SocketUnavailable:
    """What a refused upgrade means for us; the key is in no line and in no message."""
    status = int(response.status) if response is not None else 500
    headers = response.headers if response is not None else {}
    count(capability, Result.REFUSED)
    log.error(
        "socket_refused",
        provider=PROVIDER,
        stage=capability.value,
        status=status,
        reason=headers.get("dg-error", ""),
        provider_request_id=headers.get("dg-request-id", ""),
    )
    if status >= 500 or status in RETRYABLE:
        return SocketUnavailable(f"Deepgram answered {status}")
    return SocketRefused(f"Deepgram refuses our {capability} socket with {status}")
