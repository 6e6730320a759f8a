"""Short-lived signed tokens of our own: one signer, a closed list of purposes, Ed25519.

A token of one purpose is worthless for another: its audience and type differ. Ed25519 signatures are deterministic, so
the same claims give the same token; a repeated webhook can be answered with the same TwiML.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.errors import Unauthenticated

ISSUER = "callwright"
REQUIRED = ["exp", "nbf", "iat", "iss", "aud", "sub", "jti"]
"""Without this list a token without `exp` would be accepted for ever."""


class Purpose(StrEnum):
    """What a token is for."""

    STREAM = "stream"
    """Connect one media stream; `sub` is the CallSid, `jti` is burnt on use."""
    SERVICE = "service"
    """One room calls another; `sub` is the calling room, `aud` carries the called one."""


LIFETIMES = {Purpose.STREAM: timedelta(seconds=60), Purpose.SERVICE: timedelta(seconds=60)}


class InvalidToken(Unauthenticated):
    """The token is not ours, not for this, not yet or no longer valid."""


class TokenSigner:
    """Issues and reads purpose tokens.

    `key` is 32 random bytes in base64. Raises ValueError when it is anything else.
    """

    def __init__(self, key: str) -> None:
        try:
            seed = base64.b64decode(key, validate=True)
        except binascii.Error as error:
            raise ValueError("the signing key is not base64") from error
        if len(seed) != 32:
            raise ValueError(f"the signing key has {len(seed)} bytes, not 32")
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._public = self._private.public_key()

    def issue(self, purpose: Purpose, subject: str, token_id: str, now: datetime, **claims: str) -> str:
        """A token for `subject`, valid from `now` for the purpose's lifetime. `token_id` names it for burning."""
        body: dict[str, Any] = {
            **claims,
            "iss": ISSUER,
            "aud": audience(purpose, claims.get("room", "")),
            "sub": subject,
            "jti": token_id,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIMES[purpose],
        }
        return jwt.encode(body, self._private, algorithm="EdDSA", headers={"typ": f"{purpose}+jwt"})

    def read(self, purpose: Purpose, token: str, room: str = "") -> Mapping[str, Any]:
        """The claims of a valid token of this purpose. Raises InvalidToken."""
        try:
            claims = jwt.decode_complete(
                token,
                self._public,
                algorithms=["EdDSA"],
                audience=audience(purpose, room),
                issuer=ISSUER,
                leeway=5,
                options={"require": REQUIRED},
            )
        except jwt.InvalidTokenError as error:
            raise InvalidToken(type(error).__name__) from error
        if claims["header"].get("typ") != f"{purpose}+jwt":
            raise InvalidToken("wrong type")
        payload: Mapping[str, Any] = claims["payload"]
        return payload


def audience(purpose: Purpose, room: str = "") -> str:
    """Who may accept a token of this purpose."""
    return f"callwright-{purpose}-{room}" if room else f"callwright-{purpose}"
