"""Is this request Twilio's? Exact string, blank fields kept, port variants, both schemes of sockets.

The rules and their golden vectors: Twilio's "Validating requests" page; the socket variants are what Twilio's own agent
SDK and troubleshooting notes accept.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from twilio.request_validator import RequestValidator

MAX_FIELDS = 200
"""More form fields than Twilio ever sends."""


def form_fields(body: str) -> dict[str, str | list[str]]:
    """The fields of a form body; blank values are kept, because they are part of the signature.

    Raises ValueError when the body is no form or has more than MAX_FIELDS fields.
    """
    fields: dict[str, str | list[str]] = {}
    for name, value in parse_qsl(body, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"):
        match fields.get(name):
            case None:
                fields[name] = value
            case str(first):
                fields[name] = [first, value]
            case list(several):
                several.append(value)
    return fields


class _Fields(dict[str, str | list[str]]):
    """Fields in the form in which Twilio's validator takes repeated ones; with a plain dict it raises TypeError."""

    def getlist(self, name: str) -> list[str]:
        value = self[name]
        return value if isinstance(value, list) else [value]


class TwilioSignature:
    """Checks webhooks and socket handshakes against the account's auth token."""

    def __init__(self, auth_token: str) -> None:
        self._validator = RequestValidator(auth_token)

    def signs_form(self, address: str, fields: dict[str, str | list[str]], signature: str) -> bool:
        """Whether `signature` belongs to a form post (or, with no fields, a GET) to `address`.

        `address` is the public address with its raw path and query, as Twilio called it.
        """
        return bool(signature) and bool(self._validator.validate(address, _Fields(fields), signature))

    def signs_json(self, address: str, body: bytes, signature: str) -> bool:
        """Whether `signature` and the address's `bodySHA256` belong to this JSON body."""
        claimed = dict(parse_qsl(urlsplit(address).query)).get("bodySHA256", "")
        matches = hmac.compare_digest(hashlib.sha256(body).hexdigest().encode(), claimed.lower().encode())
        return bool(signature) and matches and bool(self._validator.validate(address, {}, signature))

    def signs_socket(self, address: str, signature: str) -> bool:
        """Whether `signature` belongs to a handshake at this wss:// address.

        Such a signature is constant for an address: it proves where the request came from once, never that it is fresh.
        """
        if not signature or not address.startswith(("wss://", "ws://")):
            return False
        return any(
            self._validator.validate(candidate, fields, signature) for candidate, fields in _socket_forms(address)
        )


def _socket_forms(address: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The forms under which a handshake may have been signed, likeliest first."""
    base, _, query = address.partition("?")
    toggled = base.removesuffix("/") if base.endswith("/") else base + "/"
    if query:
        pairs = {unquote_plus(k): v for k, v in parse_qsl(query, keep_blank_values=True)}
        yield base, pairs
        yield address, {}
        return
    yield base, {}
    yield toggled, {}
