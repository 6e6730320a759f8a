"""Live sockets to Deepgram, for hearing and for speech."""

from __future__ import annotations

from typing import Final

from services.voice import provider_results
from services.voice.provider_results import Capability, Result
from services.voice.provider_socket import (
    CLOSE_WITHIN_S,
    LARGEST_MESSAGE,
    ProviderSockets,
    SocketRefused,
    SocketUnavailable,
    Vendor,
)

__all__ = [
    "CLOSE_WITHIN_S",
    "LARGEST_MESSAGE",
    "PROVIDER",
    "Capability",
    "DeepgramSockets",
    "Result",
    "SocketRefused",
    "SocketUnavailable",
    "count",
]

PROVIDER: Final = "deepgram"
_VENDOR = Vendor(PROVIDER, reason_header="dg-error", request_id_header="dg-request-id")


def count(capability: Capability, result: Result) -> None:
    """Count one result of Deepgram."""
    provider_results.count(PROVIDER, capability, result)


class DeepgramSockets(ProviderSockets):
    """Opens sockets under one base address with one key."""

    def __init__(self, base: str, key: str) -> None:
        """`base` is the http or https address; sockets use the same host and port."""
        super().__init__(_VENDOR, base, {"Authorization": f"Token {key}"})
