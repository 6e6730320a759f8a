"""The socket from the telephone network to the platform: where it goes, how it is signed, how it fails."""

from __future__ import annotations

import asyncio
from ssl import SSLError
from urllib.parse import urlsplit

from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from lab.twilio import addresses
from lab.twilio.settings import PhoneSettings

CLOSE_S = 2.0
"""Wall-clock seconds for the closing handshake."""


class StreamFailed(Exception):
    """The stream ended, or never began, by a fault that Twilio has a number for."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


async def open_signed(
    url: str, settings: PhoneSettings, *, unreachable: bool = False, wrong_signature: bool = False
) -> ClientConnection:
    """Connect, signed; `unreachable` and `wrong_signature` are faults. Raises StreamFailed."""
    address = _checked(url)
    key = "another account's token" if wrong_signature else settings.auth_token
    real = urlsplit(addresses.really(address, settings.origins))
    port = real.port or (443 if real.scheme == "wss" else 80)
    secure = real.scheme == "wss"
    try:
        return await connect(
            address if secure else "ws" + address[address.index("://") :],
            host=real.hostname,
            port=1 if unreachable else port,
            additional_headers={"X-Twilio-Signature": RequestValidator(key).compute_signature(address, {})},
            user_agent_header="Twilio.TmeWs/1.0",
            compression=None,
            proxy=None,
            ping_interval=None,
            open_timeout=settings.connect_s,
            close_timeout=CLOSE_S,
            max_size=16 * 1024 * 1024,
            max_queue=256,
        )
    except TimeoutError as error:
        raise StreamFailed(31901, "no connection in time") from error
    except InvalidStatus as error:
        raise StreamFailed(31920, f"the handshake was answered {error.response.status_code}") from error
    except (InvalidHandshake, InvalidURI) as error:
        raise StreamFailed(31920, f"the handshake failed: {error}") from error
    except ConnectionRefusedError as error:
        raise StreamFailed(31902, "connection refused") from error
    except ConnectionClosed as error:
        raise StreamFailed(31904, "the server went away during the handshake") from error
    except SSLError as error:
        raise StreamFailed(31910, f"TLS failed: {error.reason}") from error
    except OSError as error:
        raise StreamFailed(31904, f"host unreachable: {error}") from error


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_complete = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_complete = False
    if not is_complete:
        raise StreamFailed(31923, "malformed stream address")
    if parts.scheme != "wss" and not (parts.scheme == "ws" and addresses.is_on_this_desk(url)):
        raise StreamFailed(31922, "a stream's address must begin with wss://")
    return url.partition("#")[0]


async def close(socket: ClientConnection) -> None:
    """Close politely; break off when the other side does not even read the close frame."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await socket.close()
    except TimeoutError:
        socket.transport.abort()
