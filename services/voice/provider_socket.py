"""Opens live sockets to providers, and says plainly why one was refused.

Our own client: the vendors' SDKs have none for live speech, or one that costs five times the CPU for each message and
hides the reason of a refused upgrade.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from picows import WSError, WSInvalidStatusError, WSUpgradeResponse, ws_connect

from services.voice.frame_socket import FrameSocket
from services.voice.provider_results import Capability, Result, count
from shared.errors import Permanent, Transient
from shared.observability.logs import get_logger
from shared.settings import socket_address

log = get_logger(__name__)

OPEN_WITHIN_S: Final = 3.0
CLOSE_WITHIN_S: Final = 1.0
LARGEST_MESSAGE: Final = 1024 * 1024
READ_BUFFER: Final = 4096
"""Bytes; grows for a larger message."""
RETRYABLE: Final = frozenset({408, 425, 429})
"""Refusals below 500 that may pass; every other one is about our key, our plan or our parameters."""


class SocketRefused(Permanent):
    """The provider will refuse this again: a wrong key, no credit, a bad parameter."""


class SocketUnavailable(Transient):
    """The provider cannot be reached, or is busy, at the moment."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """What differs between providers when a socket is opened."""

    provider: str
    """Its name in metrics and logs."""
    reason_header: str
    """Which header of a refusal says why; empty when there is none."""
    request_id_header: str
    """Which header names the request to the vendor's support."""
    largest_message: int = LARGEST_MESSAGE


class ProviderSockets:
    """Opens sockets under one base address with one key."""

    def __init__(self, vendor: Vendor, base: str, headers: Mapping[str, str]) -> None:
        """`base` is the http or https address; sockets use the same host and port. `headers` hold the key."""
        self._vendor = vendor
        self._base = socket_address(base)
        self._headers = {**headers, "User-Agent": "callwright"}
        self._tls = ssl.create_default_context() if self._base.startswith("wss") else None

    async def open(self, path: str, query: Sequence[tuple[str, str]], capability: Capability) -> FrameSocket:
        """An open socket. Raises SocketRefused or SocketUnavailable, within OPEN_WITHIN_S."""
        provider, largest = self._vendor.provider, self._vendor.largest_message
        try:
            async with asyncio.timeout(OPEN_WITHIN_S):
                _, socket = await ws_connect(
                    lambda: FrameSocket(largest),
                    f"{self._base}{path}?{urlencode(query)}",
                    ssl_context=self._tls,
                    extra_headers=self._headers,
                    websocket_handshake_timeout=None,
                    max_frame_size=largest,
                    max_redirects=0,
                    read_buffer_init_size=READ_BUFFER,
                )
            if socket is None:  # picows reports no error when the other side hangs up before its answer
                raise ConnectionResetError
        except WSInvalidStatusError as error:
            raise self._refusal(error.response, capability) from None
        except (WSError, OSError, TimeoutError) as error:
            count(provider, capability, Result.TIMEOUT if isinstance(error, TimeoutError) else Result.ERROR)
            log.warning("socket_unavailable", provider=provider, stage=capability.value, error=type(error).__name__)
            raise SocketUnavailable(f"{provider} cannot be reached ({type(error).__name__})") from None
        assert isinstance(socket, FrameSocket)  # noqa: S101  (what the lambda above made)
        return socket

    def _refusal(self, response: WSUpgradeResponse | None, capability: Capability) -> SocketRefused | SocketUnavailable:
        """What a refused upgrade means for us; the key is in no line and in no message."""
        vendor = self._vendor
        status = int(response.status) if response is not None else 500
        headers = response.headers if response is not None else {}
        count(vendor.provider, capability, Result.REFUSED)
        log.error(
            "socket_refused",
            provider=vendor.provider,
            stage=capability.value,
            status=status,
            reason=headers.get(vendor.reason_header, ""),
            provider_request_id=headers.get(vendor.request_id_header, ""),
        )
        if status >= 500 or status in RETRYABLE:
            return SocketUnavailable(f"{vendor.provider} answered {status}")
        return SocketRefused(f"{vendor.provider} refuses our {capability} socket with {status}")
